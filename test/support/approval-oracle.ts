/** A small case: who belongs to what, and what people do in order. */
export type Case = {
  readonly groups: Readonly<Record<'first' | 'second', readonly string[]>>
  readonly quorums: readonly [number | string, number]
  readonly denyThreshold: number
  readonly deeds: readonly Deed[]
}

export type Deed =
  | {
      readonly kind: 'vote'
      readonly by: string
      readonly for?: string | undefined
      readonly verdict: 'approve' | 'deny'
      readonly isStale: boolean
    }
  | { readonly kind: 'delegate'; readonly by: string; readonly to: string }
  | { readonly kind: 'ask'; readonly by: string }
  | { readonly kind: 'answer' }
  | { readonly kind: 'leave'; readonly who: string }
  | { readonly kind: 'withdraw' }
  | { readonly kind: 'expire' }

export type Verdict = { readonly state: string; readonly answers: readonly string[] }

type Taken = { by: string; mandate: string; verdict: 'approve' | 'deny' }

/**
 * Decides a case by reading the rules one by one, with nothing of the product's code: the requester
 * is `r`, stages are `first` and `second`.
 */
export function decideByRules({ groups, quorums, denyThreshold, deeds }: Case): Verdict {
  const members = { first: [...groups.first], second: [...groups.second] }
  const mandates: { from: string; to: string }[] = []
  let state = 'open'
  let stage: 'first' | 'second' = 'first'
  let taken: Taken[] = []
  const isEnded = (): boolean => !['open', 'info-requested'].includes(state)
  const belongs = (who: string): boolean => who !== 'r' && members[stage].includes(who)
  const mayVote = (who: string, mandate: string): boolean => {
    if (who === 'r' || mandate === 'r') return false
    if (who === mandate) return belongs(who)
    return mandates.some(({ from, to }) => from === mandate && to === who) && belongs(mandate)
  }
  const count = (verdict: 'approve' | 'deny'): number => {
    let total = 0
    for (const [index, one] of taken.entries()) {
      const later = taken.slice(index + 1)
      if (later.some(({ by }) => by === one.by)) continue
      // A later vote on the same mandate replaces it, unless its voter has voted again since.
      const isReplaced = later.some(
        (other, offset) =>
          other.mandate === one.mandate &&
          !later.slice(offset + 1).some(({ by }) => by === other.by),
      )
      if (!isReplaced && one.verdict === verdict && mayVote(one.by, one.mandate)) total += 1
    }
    return total
  }
  const needed = (): number => {
    const quorum = stage === 'first' ? quorums[0] : quorums[1]
    if (typeof quorum === 'number') return quorum
    let votes = 1
    while (votes * 100 < members[stage].length * Number(quorum.replace('%', ''))) votes += 1
    return votes
  }
  const vote = (deed: Extract<Deed, { kind: 'vote' }>): string => {
    const mandate = deed.for ?? deed.by
    if (isEnded()) return 'approval_closed'
    if (deed.by === 'r' || mandate === 'r') return 'four_eyes'
    if (!mayVote(deed.by, mandate)) return 'not_an_approver'
    if (deed.isStale) return 'subject_changed'
    if (state === 'info-requested') return 'info_requested'
    taken.push({ by: deed.by, mandate, verdict: deed.verdict })
    if (count('deny') >= denyThreshold) state = 'denied'
    else if (count('approve') >= needed()) {
      if (stage === 'second') state = 'approved'
      stage = 'second'
      taken = []
    }
    return state
  }
  const answers = deeds.map((deed): string => {
    switch (deed.kind) {
      case 'vote':
        return vote(deed)
      case 'delegate':
        if (isEnded()) return 'approval_closed'
        if (deed.by === 'r') return 'four_eyes'
        if (!belongs(deed.by)) return 'not_an_approver'
        if (deed.to === 'r') return 'four_eyes'
        mandates.push({ from: deed.by, to: deed.to })
        return state
      case 'ask':
        if (isEnded()) return 'approval_closed'
        if (deed.by === 'r') return 'four_eyes'
        if (!belongs(deed.by)) return 'not_an_approver'
        if (state === 'info-requested') return 'info_requested'
        state = 'info-requested'
        return state
      case 'answer':
        if (isEnded()) return 'approval_closed'
        if (state === 'open') return 'not_requested'
        state = 'open'
        return state
      case 'leave':
        members.first = members.first.filter((member) => member !== deed.who)
        members.second = members.second.filter((member) => member !== deed.who)
        return state
      case 'withdraw':
        if (isEnded()) return 'approval_closed'
        state = 'withdrawn'
        return state
      case 'expire':
        if (!isEnded()) state = 'expired'
        return state
      default:
        return deed satisfies never
    }
  })
  return { state, answers }
}

import type { Approval, Electorate, Tally, Vote } from './approval.ts'
import { findEligibilityFault, findSeats, hasAnybody } from './eligibility.ts'
import { getStage } from './policy.ts'

/**
 * How the present stage stands. Of one actor the last vote counts, of one mandate the last of these,
 * and only while who cast it may vote; a percentage is of the deciding group's members, rounded up.
 */
export function tallyStage(approval: Approval, electorate: Electorate): Tally {
  const votes = listCountedVotes(approval, electorate)
  const approve = votes.filter(({ verdict }) => verdict === 'approve').length
  return {
    approve,
    deny: votes.length - approve,
    needed: countNeeded(approval, electorate),
  }
}

/** The votes of the present stage that count now. */
export function listCountedVotes(approval: Approval, electorate: Electorate): Vote[] {
  const ofActors = lastBy(approval.votes, ({ actor }) => actor)
  const ofMandates = lastBy(ofActors, ({ actor, actingFor }) => actingFor ?? actor)
  return ofMandates.filter((vote) => findEligibilityFault(approval, vote, electorate) === undefined)
}

/** True once the denials of the present stage suffice. */
export function isDenied(approval: Approval, { deny }: Tally): boolean {
  return deny >= (getStage(approval.policy, approval.stage).denyThreshold ?? 1)
}

function countNeeded(approval: Approval, electorate: Electorate): number {
  const { quorum } = getStage(approval.policy, approval.stage)
  if (typeof quorum === 'number') return quorum
  const { groups } = findSeats(approval, electorate)
  const [group = ''] = groups.filter((name) => hasAnybody(approval, electorate, name))
  const size = electorate.groups.get(group)?.size ?? 0
  return Math.max(1, Math.ceil((size * Number.parseInt(quorum, 10)) / 100))
}

// In the order of the last votes.
function lastBy(votes: readonly Vote[], keyOf: (vote: Vote) => string): Vote[] {
  const last = new Map<string, Vote>()
  for (const vote of votes) {
    last.delete(keyOf(vote))
    last.set(keyOf(vote), vote)
  }
  return [...last.values()]
}

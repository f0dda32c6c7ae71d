import type { Judged } from '../activities/approval.ts'
import type { Verdict } from '../core/approval/approval.ts'
import { showDetails } from './details.ts'

/** How an approval stands, as its activities tell. */
export type Standing = Judged['snapshot']

/** The answer to the last plain signal, by nobody's name. */
export type SignalAnswer = { readonly verdict: Verdict; readonly answer: string }

/** Shows operators how the approval stands: "Stage 1 of 2: 1 of 2 approvals, 0 denials". */
export function showStanding(standing: Standing, lastSignal: SignalAnswer | undefined): void {
  const { tally, seats, nextTimer } = standing
  showDetails(describeStanding(standing), {
    Approvals: tally.approve,
    Needed: tally.needed,
    Denials: tally.deny,
    'People who may decide': seats,
    'Next timer': nextTimer?.kind,
    'Last signal': lastSignal && `${lastSignal.verdict}: ${lastSignal.answer}`,
  })
}

// One line for operators.
function describeStanding({ state, stage, stages, tally }: Standing): string {
  const votes = `${tally.approve} of ${tally.needed} approvals, denials: ${tally.deny}`
  switch (state) {
    case 'open':
      return `Stage ${stage} of ${stages}: ${votes}`
    case 'info-requested':
      return `Stage ${stage} of ${stages}: waiting for an answer to a question`
    case 'approved':
    case 'applying':
      return 'Approved: bringing the effect about'
    case 'applied':
      return 'Approved and applied'
    case 'apply-failed':
      return 'Approved, but the effect failed: it can be retried'
    case 'denied':
      return `Denied in stage ${stage} of ${stages}: ${votes}`
    case 'expired':
      return `Expired in stage ${stage} of ${stages}: ${votes}`
    case 'withdrawn':
      return 'Withdrawn by its requester'
    case 'superseded':
      return 'Superseded: its subject changed'
    case 'revoked':
      return 'Revoked after it was applied'
    default:
      return state satisfies never
  }
}

import type { PresentedApproval } from './approval.ts'

const approvalId = '0195f0b4-7c1e-7d5e-9a34-5b1f6c2d8e90'
const hash = '9f2c4e8a51d07b36c8e1f5a2947d60b3e85c1a7f42d9603b8c5e17fa2d4069be'

/** A registration that one of two approvers has approved. */
export const approvalExample: PresentedApproval = {
  id: approvalId,
  type: 'login-registration',
  subject: { type: 'login', id: 'grace', hash },
  state: 'open',
  stage: 1,
  stages: [{ name: 'registration', quorum: 2, denyThreshold: 1, approve: 1, deny: 0, needed: 2 }],
  requester: 'grace',
  beneficiary: 'grace',
  summary: { login: 'grace', email: 'grace@example.org' },
  openedAt: '2025-03-04T12:00:00.000Z',
  expiresAt: '2025-03-18T12:00:00.000Z',
  policyVersion: 3,
  workflowId: `approval:${approvalId}`,
  votes: [
    {
      id: '6f1c',
      actor: 'ada',
      stage: 1,
      verdict: 'approve',
      reason: 'Known to me',
      subjectHash: hash,
      at: '2025-03-04T12:30:00.000Z',
    },
  ],
  history: [
    { at: '2025-03-04T12:00:00.000Z', event: 'opened', actor: 'grace' },
    {
      at: '2025-03-04T12:30:00.000Z',
      event: 'voted',
      actor: 'ada',
      detail: { verdict: 'approve', stage: 1 },
    },
  ],
}

const { votes: _votes, history: _history, ...item } = approvalExample

/** The same in a list. */
export const approvalItemExample = item

import { policySchema, type Policy } from './policy.ts'

/** Members of this group let people in, and decide what has nobody else. */
export const loginApproversGroup = 'login_approvers'

export type ApprovalType = {
  /** Version 0 of its policy; without one nothing of the type waits until a policy is put. */
  readonly defaultPolicy?: Policy
}

// One line a type; the effect of each is registered with the activities.
const types = new Map<string, ApprovalType>([
  [
    'login-registration',
    {
      defaultPolicy: policySchema.parse({
        stages: [
          {
            name: 'registration',
            approvers: { group: loginApproversGroup },
            quorum: 1,
            denyThreshold: 1,
          },
        ],
        reminders: ['P3D'],
        expiresAfter: 'P14D',
      }),
    },
  ],
  ['roster-plan', { defaultPolicy: decidedBy('plan', { scope: 'roster:approve' }) }],
  ['profile-publisher-run', { defaultPolicy: decidedBy('run', { group: 'run_approvers' }) }],
  ['license-rollback', { defaultPolicy: decidedBy('rollback', { group: 'rollback_approvers' }) }],
  [
    'privilege-application',
    { defaultPolicy: decidedBy('application', { group: 'privilege_approvers' }) },
  ],
  ['asset-report', {}],
])

/** What is known of a type; undefined for a name that no domain has. */
export function findApprovalType(name: string): ApprovalType | undefined {
  return types.get(name)
}

function decidedBy(name: string, approvers: Policy['stages'][number]['approvers']): Policy {
  return policySchema.parse({
    stages: [{ name, approvers, quorum: 1, denyThreshold: 1 }],
    reminders: ['P3D'],
    expiresAfter: 'P14D',
    ...('group' in approvers && { fallbackGroup: loginApproversGroup }),
  })
}

import { startPoorScim } from '../../support/poor-scim.ts'
import { describeScimContract } from '../../support/scim-contract.ts'

describeScimContract('a poor server that ignores filters', startPoorScim, {
  keepsEnterprise: false,
  isUnique: true,
})

describeScimContract(
  'a poor server that claims to filter, finds nobody, and takes a userName twice',
  async () => await startPoorScim({ claimsFilter: true, filter: 'empty', isUnique: false }),
  { keepsEnterprise: false, isUnique: false },
)

describeScimContract(
  'a poor server that claims to filter and refuses to',
  async () => await startPoorScim({ claimsFilter: true, filter: 'refused' }),
  { keepsEnterprise: false, isUnique: true },
)

describeScimContract(
  'a poor server that knows PATCH and no PUT, and does not say so',
  async () => await startPoorScim({ patches: true }),
  { keepsEnterprise: false, isUnique: true },
)

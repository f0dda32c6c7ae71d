import { startDemoScim } from '../../../cli/demo/stand-ins/scim.ts'
import { describeScimContract } from '../../support/scim-contract.ts'

describeScimContract('the stand-in of the demo', startDemoScim, {
  keepsEnterprise: true,
  isUnique: true,
})

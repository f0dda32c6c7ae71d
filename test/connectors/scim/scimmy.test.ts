import { startScimmy } from '../../../cli/demo/stand-ins/scimmy.ts'
import { describeScimContract } from '../../support/scim-contract.ts'

describeScimContract('SCIMMY', startScimmy, { keepsEnterprise: true, isUnique: true })

import { findScim2Server, startScim2Server } from '../../support/scim2-server.ts'
import { describeScimContract } from '../../support/scim-contract.ts'

const library = await findScim2Server()
const { path, missing } = { path: '', missing: undefined, ...library }

describeScimContract('scim2-server', async () => await startScim2Server(path), {
  keepsEnterprise: true,
  isUnique: true,
  missing,
})

import { findFreePort } from '../../cli/embedded/ports.ts'
import { checkTemporal } from '../../connectors/temporal.ts'
import { createTestTemporal } from '../support/temporal.ts'

test('close() lets calls that are tried again end, and takes no more', async () => {
  const nobody = `127.0.0.1:${await findFreePort()}`
  const { client } = createTestTemporal({ address: nobody })
  const ended: unknown[] = []
  const call = checkTemporal(client, { deadlineMs: 700 }).catch((error: unknown) => {
    ended.push(error)
  })
  await client.close()
  expect(ended).toMatchObject([{ code: 'temporal_unavailable' }])
  await call
  await expect(checkTemporal(client)).rejects.toMatchObject({ code: 'temporal_unavailable' })
})

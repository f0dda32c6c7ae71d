import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { checkTemporal, type TemporalClient } from '../../connectors/temporal.ts'
import { AppError } from '../../core/errors.ts'
import { searchAttributeNames } from '../../core/workflow-start.ts'
import { registerWithTemporal } from '../../workers/registration.ts'
import { createTestTemporal, silentLog, type TestTemporal } from '../support/temporal.ts'

let temporal: TestTemporal

beforeAll(() => {
  temporal = createTestTemporal({ namespace: `fresh-${randomUUID()}` })
})
afterAll(async () => await temporal.close())

test('registerWithTemporal() makes the namespace and the search attributes, also from two at once and again', async () => {
  const { client, namespace } = temporal
  await expect(checkTemporal(client)).rejects.toMatchObject({ code: 'namespace_not_found' })
  await Promise.all([1, 2].map(async () => await registerUntilDone(client)))
  await registerUntilDone(client)
  const { customAttributes } = await client.call(
    async ({ connection }) => await connection.operatorService.listSearchAttributes({ namespace }),
  )
  expect(Object.keys(customAttributes)).toEqual(expect.arrayContaining([...searchAttributeNames]))
})

test('registerWithTemporal() goes on without what it may not register and logs the remedy', async () => {
  const lines: string[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  const refusing: TemporalClient = {
    ...temporal.client,
    call: async () => {
      throw new AppError('temporal_refused', 'Cannot use Temporal: refused', { status: 503 })
    },
  }
  await expect(registerWithTemporal(refusing, log)).resolves.toBeUndefined()
  expect(lines.join('')).toContain('temporal operator search-attribute create')
})

test('registerWithTemporal() throws when no server answers', async () => {
  const away = createTestTemporal({ address: '127.0.0.1:9' })
  await expect(registerWithTemporal(away.client, silentLog)).rejects.toMatchObject({
    code: 'temporal_unavailable',
    status: 503,
  })
  await away.close()
})

// A namespace just made is not known to every part of the server at once.
async function registerUntilDone(client: TemporalClient): Promise<void> {
  const deadline = Date.now() + 20_000
  for (;;) {
    try {
      await registerWithTemporal(client, silentLog)
      await checkTemporal(client)
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
  }
}

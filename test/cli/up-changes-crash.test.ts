import { listFaults } from '../support/change-audit.ts'
import { runBurst } from '../support/change-burst.ts'
import { parts } from '../support/kill-part.ts'
import { startChangeSite, type ChangeSite } from '../support/change-site.ts'

let site: ChangeSite

beforeAll(async () => {
  site = await startChangeSite()
})
afterAll(async () => await site.close(), 30_000)

test('answered changes reach every sink, in order, whatever is killed with -9 meanwhile', async () => {
  const burst = await runBurst(site, { seed: 1, persons: 4, kills: 1 })
  expect(burst.killed.toSorted()).toEqual(parts.toSorted())
  expect(burst.answered.length).toBeGreaterThan(50)
  expect(await listFaults(site, burst)).toEqual([])
}, 600_000)

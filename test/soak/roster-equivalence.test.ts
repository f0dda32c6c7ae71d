import { compareWithFull } from '../support/roster-equivalence.ts'
import { startRosterSite, type RosterSite } from '../support/roster-site.ts'

const SEEDS = Array.from({ length: 200 }, (_, index) => index + 1)

let site: RosterSite

beforeAll(async () => {
  site = await startRosterSite()
})
afterAll(async () => {
  await site.close()
})

test.each(SEEDS)(
  'seed %i: a district read bit by bit is what one full sync gives',
  async (seed) => {
    const kind = seed % 2 === 0 ? 'clever' : 'oneroster'
    const { incremental, full, last } = await compareWithFull(site, { kind, seed, steps: 6 })
    expect(incremental).toEqual(full)
    expect(last.counts.users).toMatchObject({ created: 0, updated: 0, deactivated: 0 })
  },
)

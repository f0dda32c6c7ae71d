import { compareWithFull } from '../support/roster-equivalence.ts'
import { startRosterSite, type RosterSite } from '../support/roster-site.ts'

let site: RosterSite

beforeAll(async () => {
  site = await startRosterSite()
})
afterAll(async () => {
  await site.close()
})

test.each([
  { kind: 'clever', seed: 2 },
  { kind: 'oneroster', seed: 3 },
] as const)(
  '$kind, seed $seed: what has happened, read bit by bit, gives what one full sync gives',
  async ({ kind, seed }) => {
    const { incremental, full, runs, last } = await compareWithFull(site, { kind, seed })
    expect(runs.map(({ mode }) => mode)).toEqual(runs.map(() => 'incremental'))
    expect(incremental).toEqual(full)
    expect(Object.keys(full.people).length).toBeGreaterThan(20)
    expect(last).toMatchObject({
      mode: 'full',
      counts: { users: { created: 0, updated: 0, deactivated: 0 }, sections: { updated: 0 } },
    })
  },
)

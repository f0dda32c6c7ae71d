import { syncWithKills } from '../support/roster-kills.ts'

test('a sync whose worker, engine and database are killed ends as one without', async () => {
  const whole = await syncWithKills({ seed: 1, kills: [] })
  const killed = await syncWithKills({ seed: 1, kills: ['worker', 'engine', 'database'] })
  expect(killed.state).toBe(whole.state)
  expect(killed.roster).toEqual(whole.roster)
  expect(killed.doubles).toBe(0)
  // Whatever is killed costs the page in flight.
  expect(whole.repeats).toBe(0)
  expect(killed.repeats).toBeLessThanOrEqual(3)
  expect(Object.keys(whole.roster.people).length).toBeGreaterThan(1_000)
}, 600_000)

import { syncWithKills } from '../support/roster-kills.ts'

// `test/soak` kills more, amid more people.
const district = { seed: 1, users: 600 }

test('a sync whose worker, engine and database are killed ends as one without', async () => {
  const whole = await syncWithKills({ ...district, kills: [] })
  const killed = await syncWithKills({ ...district, kills: ['worker', 'engine', 'database'] })
  expect(killed.state).toBe(whole.state)
  expect(killed.roster).toEqual(whole.roster)
  expect(killed.doubles).toBe(0)
  // Whatever is killed costs the page in flight.
  expect(whole.repeats).toBe(0)
  expect(killed.repeats).toBeLessThanOrEqual(3)
  expect(Object.keys(whole.roster.people).length).toBeGreaterThan(400)
}, 600_000)

import { parts } from '../support/kill-part.ts'
import { syncWithKills } from '../support/roster-kills.ts'

const USERS = 1_500
const SEEDS = [1, 2, 3, 4, 5]

test.each(SEEDS)(
  'seed %i: a sync whose parts are killed one after the other ends as one without',
  async (seed) => {
    const whole = await syncWithKills({ seed, users: USERS, kills: [] })
    const killed = await syncWithKills({ seed, users: USERS, kills: [...parts, ...parts] })
    expect(killed.state).toBe(whole.state)
    expect(killed.roster).toEqual(whole.roster)
    expect(Object.keys(whole.roster.people).length).toBeGreaterThan(1_000)
    expect(killed.doubles).toBe(0)
    // Whatever is killed costs the page in flight.
    expect(whole.repeats).toBe(0)
    expect(killed.repeats).toBeLessThanOrEqual(2 * parts.length)
  },
  1_800_000,
)

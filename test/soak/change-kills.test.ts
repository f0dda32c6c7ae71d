import { listFaults } from '../support/change-audit.ts'
import { runBurst } from '../support/change-burst.ts'
import { parts } from '../support/kill-part.ts'
import { startChangeSite } from '../support/change-site.ts'

const SEEDS = [1, 2, 3, 4, 5]
const KILLS = 5

test.each(SEEDS)(
  'seed %i: 20 kills of API, worker, engine and database lose no change and turn no sink back',
  async (seed) => {
    const site = await startChangeSite()
    try {
      const burst = await runBurst(site, { seed, persons: 12, kills: KILLS })
      expect(burst.killed).toHaveLength(KILLS * parts.length)
      expect(await listFaults(site, burst)).toEqual([])
    } finally {
      await site.close()
    }
  },
  1_800_000,
)

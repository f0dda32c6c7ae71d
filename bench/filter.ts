import type { Profile } from '../core/profile/document.ts'
import { listProfileFaults } from '../core/profile/faults.ts'
import { filterProfile, type Reader } from '../core/profile/filter.ts'
import { createSignedPerson } from './person-vault.ts'
import { median, type Bench, type BenchRow } from './report.ts'

const PROFILES = 500
const ROUNDS = 10

type Step = { readonly name: string; readonly run: (profile: Profile, text: string) => unknown }

const readers: Readonly<Record<string, Reader>> = {
  'without scopes': { scopes: new Set() },
  'staff data, narrowed': {
    scopes: new Set(['classification:mozilla_confidential', 'display:ndaed', 'display:staff']),
    filterDisplay: 'ndaed',
  },
  everything: { scopes: new Set(['read:fullprofile', 'display:all']) },
}

const steps: readonly Step[] = [
  { name: 'parse', run: (_, text) => JSON.parse(text) },
  { name: 'write', run: (profile) => JSON.stringify(profile) },
  ...Object.entries(readers).map(([name, reader]) => ({
    name: `filter: ${name}`,
    run: (profile: Profile) => filterProfile(profile, reader),
  })),
  { name: 'judge by the schema', run: (profile) => listProfileFaults(profile) },
]

/** Filtering and judging a profile, in time of a processor, against parsing it, which a read needs anyway. */
export const filterBench: Bench = async ({ repeats }) => {
  const profiles = Array.from({ length: PROFILES }, (_, index) => createSignedPerson(index + 1))
  const texts = profiles.map((profile) => JSON.stringify(profile))
  const measured = steps.map((step) => ({
    step: step.name,
    µs: measure(step, { profiles, texts, repeats }),
  }))
  const parse = measured[0]?.µs ?? Number.NaN
  const bytes = Math.round(texts.join('').length / PROFILES)
  return await Promise.resolve({
    name: 'filter',
    against: `JSON.parse of the same profile (${bytes} characters)`,
    rows: measured.map(({ step, µs }): BenchRow => ({
      step,
      'µs/profile': µs,
      'profiles/s': Math.round(1e6 / µs),
      ratio: µs / parse,
    })),
  })
}

type Measure = {
  readonly profiles: readonly Profile[]
  readonly texts: readonly string[]
  readonly repeats: number
}

function measure({ run }: Step, { profiles, texts, repeats }: Measure): number {
  const times = Array.from({ length: repeats + 1 }, () => {
    const start = process.cpuUsage()
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [index, profile] of profiles.entries()) run(profile, texts[index] ?? '')
    }
    const { user, system } = process.cpuUsage(start)
    return (user + system) / (ROUNDS * profiles.length)
  })
  // The first one compiles the code.
  return median(times.slice(1))
}

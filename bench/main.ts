import { endOnSignals } from './endings.ts'
import { printReport, type Bench } from './report.ts'

// Loaded on demand: a benchmark starts only what it measures.
const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  ingest: async () => (await import('./ingest.ts')).ingestBench,
  validate: async () => (await import('./validate.ts')).validateBench,
  post: async () => (await import('./post.ts')).postBench,
  http: async () => (await import('./http.ts')).httpBench,
  change: async () => (await import('./change.ts')).changeBench,
  propagate: async () => (await import('./propagate.ts')).propagateBench,
  person: async () => (await import('./person.ts')).personBench,
  filter: async () => (await import('./filter.ts')).filterBench,
  login: async () => (await import('./login.ts')).loginBench,
  seat: async () => (await import('./seat.ts')).seatBench,
  engine: async () => (await import('./engine.ts')).engineBench,
  approval: async () => (await import('./approval.ts')).approvalBench,
  'roster-pull': async () => (await import('./roster.ts')).rosterPullBench,
  'roster-plan': async () => (await import('./roster.ts')).rosterPlanBench,
  'roster-noop': async () => (await import('./roster.ts')).rosterNoopBench,
  'roster-push': async () => (await import('./roster-push.ts')).rosterPushBench,
}

const DEFAULT_REPEATS = 3

const names = process.argv.slice(2)
const unknown = names.filter((name) => !Object.hasOwn(benches, name))
if (names.length === 0 || unknown.length > 0) {
  process.stderr.write(`Usage: npm run bench -- <${Object.keys(benches).join('|')}>…\n`)
  process.exit(2)
}
endOnSignals()
for (const name of names) {
  const bench = await benches[name]?.()
  if (bench) printReport(await bench({ repeats: DEFAULT_REPEATS }))
}

import { countSoundIngests } from '../support/ingest-fuzz.ts'

test('none of 5,000 fuzzed files loses a row, fails an activity or leaves its upload unfinished', async () => {
  expect(await countSoundIngests(5_000)).toBe(5_000)
}, 3_600_000)

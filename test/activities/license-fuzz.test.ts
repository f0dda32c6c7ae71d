import { countSoundIngests } from '../support/ingest-fuzz.ts'

test('no fuzzed file loses a row, fails an activity or leaves its upload unfinished', async () => {
  expect(await countSoundIngests(50)).toBe(50)
})

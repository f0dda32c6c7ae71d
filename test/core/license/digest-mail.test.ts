import { formatDigestMail, type DigestContent } from '../../../core/license/digest-mail.ts'

const digest: DigestContent = {
  uploadId: '01990a5e-2f7c-7000-8000-3d9b6c1f0a42',
  compact: 'aslp',
  jurisdiction: 'oh',
  state: 'completed',
  fileFaults: [],
  counts: { records: 3, accepted: 1, rejected: 1, duplicates: 1 },
  faults: [
    { line: 3, record: 2, errors: { ssn: [{ message: 'Missing data for required field.' }] } },
    { line: 4, record: 3, errors: { _row: [{ message: 'Duplicate.' }] } },
  ],
  more: 0,
  link: '/v1/uploads/01990a5e-2f7c-7000-8000-3d9b6c1f0a42/errors',
}

function format(change: Partial<DigestContent> = {}): { subject: string; text: string } {
  return formatDigestMail({ ...digest, ...change }, 'https://registrar.example')
}

test('a digest says how the upload ended, its counts, what is wrong where, and where all of it is', () => {
  const { subject, text } = format()
  expect(subject).toBe('License upload of aslp/oh: completed, 2 rows refused')
  expect(text).toBe(`The upload ${digest.uploadId} of aslp/oh has ended: completed.

records:     3
accepted:    1
rejected:    1
duplicates:  1

Line 3 (record 2)
  ssn: Missing data for required field.
Line 4 (record 3)
  _row: Duplicate.

All refused rows: https://registrar.example${digest.link}
`)
})

test('a digest counts the faults beyond those that it spells out', () => {
  expect(format({ more: 4_711 }).text).toContain('_row: Duplicate.\n4711 more\n')
  expect(format().text).not.toContain(' more')
})

test('a digest of an upload without faults has none', () => {
  const { subject, text } = format({ counts: { records: 1, accepted: 1 }, faults: [] })
  expect(subject).toBe('License upload of aslp/oh: completed')
  expect(text).not.toContain('Line')
})

test('a digest of a file that was refused whole says why', () => {
  const fileFaults = [{ message: 'The header has no column "ssn"; did you mean "SSN"?' }]
  const { text } = format({ state: 'failed', fileFaults, faults: [], counts: {} })
  expect(text).toContain('The file was refused:\n  The header has no column "ssn"')
})

test('a digest of a run that failed names the code', () => {
  expect(format({ state: 'failed', failureCode: 'staging_lost' }).text).toContain(
    'has ended: failed (staging_lost).',
  )
})

import { fc } from '../../support/properties.ts'
import { findCompact, defaultCompacts, type Compact } from '../../../core/license/compacts.ts'
import { licenseFieldNames } from '../../../core/license/fields.ts'
import type { FieldMessages } from '../../../core/license/messages.ts'
import { createLicenseValidator } from '../../../core/license/record.ts'
import { createLicenseSchema } from '../../../core/license/schema.ts'
import { wildRow } from '../../support/license-rows.ts'

type Sentences = Record<string, string[]>

const aslp = findCompact(defaultCompacts, 'aslp') as Compact
const place = { compact: 'aslp', jurisdiction: 'oh' }
const validate = createLicenseValidator(aslp, { jurisdiction: 'oh' })
const schema = createLicenseSchema(aslp, { place })

test('createLicenseValidator() says of any row what the schema says', () => {
  fc.assert(
    fc.property(wildRow, (row) => {
      const verdict = validate(row)
      expect(verdict.ok ? {} : listSentences(verdict.errors)).toEqual(listIssues(row))
    }),
    { numRuns: 5_000 },
  )
})

test('createLicenseValidator() keeps of a valid row what the schema keeps', () => {
  fc.assert(
    fc.property(wildRow, (row) => {
      const verdict = validate(row)
      const parsed = schema.safeParse(row)
      if (!verdict.ok || !parsed.success) return
      const { compact: _, jurisdiction: __, ...fields } = parsed.data
      expect(verdict.record).toEqual(fields)
    }),
    { numRuns: 2_000 },
  )
})

test('createLicenseValidator() finds a valid record valid again, unchanged', () => {
  fc.assert(
    fc.property(wildRow, (row) => {
      const verdict = validate(row)
      if (!verdict.ok) return
      expect(validate({ ...verdict.record })).toEqual(verdict)
    }),
  )
})

test('createLicenseValidator() never repeats a value of the row', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 20, unit: 'grapheme' }), (secret) => {
      const row = Object.fromEntries(licenseFieldNames.map((name) => [name, secret]))
      expect(JSON.stringify(validate(row))).not.toContain(JSON.stringify(secret).slice(1, -1))
    }),
    { numRuns: 200 },
  )
})

function listSentences(errors: FieldMessages): Sentences {
  return Object.fromEntries(
    Object.entries(errors).map(([field, messages]) => [
      field,
      messages.map(({ message }) => message),
    ]),
  )
}

function listIssues(row: unknown): Sentences {
  const sentences: Sentences = {}
  for (const issue of schema.safeParse(row).error?.issues ?? []) {
    const isUnknown = issue.code === 'unrecognized_keys'
    const fields = isUnknown ? issue.keys : issue.path.map(String)
    const message = isUnknown ? 'Unknown field.' : issue.message
    for (const field of fields) sentences[field] = [...(sentences[field] ?? []), message]
  }
  return sentences
}

import { editDistance } from './edit-distance.ts'
import { noHeader, wrongSeparator, type FileFault } from './file-faults.ts'
import type { CsvLayout } from './header.ts'
import { isBlank } from '../white-space.ts'

const separators: Readonly<Record<string, string>> = { ';': '";"', '\t': 'TAB', '|': '"|"' }
const maxQuotedName = 40
const maxDistance = 2
// As many names of columns make a line a header, however many others it has.
const sureMatches = 3
// So many digits in a row are no name, but may be somebody's number.
const digitRun = /\d{3}/

type Problem = { readonly code: string; readonly message: string }

/** The fault of a header whose names are separated by something else than commas. */
export function findSeparatorFault(
  text: string,
  { layout, line }: { readonly layout: CsvLayout; readonly line: number },
): FileFault | undefined {
  const known = new Set([...layout.required, ...layout.optional])
  const hasNames = (separator: string): boolean =>
    text.split(separator).some((cell) => known.has(cell.replaceAll('"', '').trim()))
  if (hasNames(',')) return undefined
  const separator = Object.keys(separators).find(hasNames)
  return separator === undefined ? undefined : wrongSeparator(line, separators[separator] ?? '')
}

/**
 * All that is wrong with the names of a header, as one fault. Names that are no columns are quoted
 * only when others are, and when none looks like a value: the line may be a row, or have one at its
 * end, with a person's data in it.
 */
export function findColumnFault(
  names: readonly string[],
  { layout, line }: { readonly layout: CsvLayout; readonly line: number },
): FileFault | undefined {
  const known = [...layout.required, ...layout.optional]
  const meant = names.map((name) => findMeant(name, { layout, known }))
  if (!isHeader(meant)) return noHeader(line, layout.required)
  const mayQuote = !names.some((name) => digitRun.test(name))
  const problems = [
    ...names.flatMap((name, index) =>
      describeUnknown({ name, index, meant: meant[index], known, mayQuote }),
    ),
    ...listRepeated(mayQuote ? names : names.filter((name) => known.includes(name))),
    ...listMissing(layout.required, meant),
  ]
  const [first] = problems
  if (first === undefined) return undefined
  const reasons = problems.map(({ message }) => message).join('; ')
  return { code: first.code, message: `Cannot use header in line ${line}: ${reasons}`, line }
}

function findMeant(
  name: string,
  { layout, known }: { readonly layout: CsvLayout; readonly known: readonly string[] },
): string | undefined {
  if (known.includes(name)) return name
  const plain = simplify(name)
  const same = known.find((column) => simplify(column) === plain)
  if (same !== undefined) return same
  const { aliases = {} } = layout
  if (Object.hasOwn(aliases, plain)) return aliases[plain]
  const limit = Math.min(maxDistance, Math.floor(plain.length / 3))
  const [nearest] = known
    .map((column) => ({ column, plainColumn: simplify(column) }))
    .filter(({ plainColumn }) => Math.abs(plainColumn.length - plain.length) <= limit)
    .map(({ column, plainColumn }) => ({ column, distance: editDistance(plain, plainColumn) }))
    .filter(({ distance }) => distance <= limit)
    .toSorted((one, other) => one.distance - other.distance)
  return nearest?.column
}

function isHeader(meant: readonly (string | undefined)[]): boolean {
  const matches = meant.filter((name) => name !== undefined).length
  return matches >= Math.max(1, Math.min(sureMatches, Math.ceil(meant.length / 2)))
}

function describeUnknown(cell: {
  readonly name: string
  readonly index: number
  readonly meant: string | undefined
  readonly known: readonly string[]
  readonly mayQuote: boolean
}): Problem[] {
  const { name, index, meant, known, mayQuote } = cell
  if (known.includes(name)) return []
  if (isBlank(name)) {
    return [{ code: 'unnamed_column', message: `cell ${index + 1} has no name` }]
  }
  const hint = meant === undefined ? '' : `, did you mean "${meant}"?`
  const column = mayQuote
    ? `column "${name.slice(0, maxQuotedName)}"`
    : `column in cell ${index + 1}`
  const message = `unknown ${column}${hint}`
  return [{ code: 'unknown_column', message }]
}

function listRepeated(names: readonly string[]): Problem[] {
  const repeated = names.filter((name, index) => names.indexOf(name) !== index && !isBlank(name))
  return [...new Set(repeated)].map((name) => ({
    code: 'duplicate_column',
    message: `column "${name.slice(0, maxQuotedName)}" is there more than once`,
  }))
}

// A column whose name is only misspelt is not called missing too.
function listMissing(
  required: readonly string[],
  meant: readonly (string | undefined)[],
): Problem[] {
  return required
    .filter((name) => !meant.includes(name))
    .map((name) => ({ code: 'missing_column', message: `missing required column "${name}"` }))
}

function simplify(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
}

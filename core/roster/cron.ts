type Field = {
  readonly min: number
  readonly max: number
  readonly names?: readonly string[]
}

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')
const WEEKDAYS = 'sun mon tue wed thu fri sat'.split(' ')

const fields: readonly Field[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: MONTHS },
  { min: 0, max: 7, names: WEEKDAYS },
]

/** True for cron of five fields (minute, hour, day, month, weekday) with lists, ranges and steps. */
export function isCron(text: string): boolean {
  const parts = text.trim().split(/\s+/)
  return (
    parts.length === fields.length &&
    fields.every((field, index) => isList(parts[index] ?? '', field))
  )
}

function isList(text: string, field: Field): boolean {
  return text.split(',').every((part) => isRange(part, field))
}

function isRange(text: string, field: Field): boolean {
  const [, from = '', to, step] = /^([^-/]+)(?:-([^-/]+))?(?:\/(\d{1,2}))?$/.exec(text) ?? []
  if (step !== undefined && Number(step) === 0) return false
  if (from === '*') return to === undefined
  const first = readValue(from, field)
  const last = to === undefined ? first : readValue(to, field)
  return first !== undefined && last !== undefined && first <= last
}

function readValue(text: string, { min, max, names = [] }: Field): number | undefined {
  const named = names.indexOf(text.toLowerCase())
  const value = named === -1 ? readNumber(text) : named + min
  return value !== undefined && value >= min && value <= max ? value : undefined
}

function readNumber(text: string): number | undefined {
  return /^\d{1,2}$/.test(text) ? Number(text) : undefined
}

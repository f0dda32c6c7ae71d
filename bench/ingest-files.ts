import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { splitCells } from '../core/csv/cells.ts'
import { writeLine } from '../core/csv/write.ts'
import { defaultCompacts, findCompact } from '../core/license/compacts.ts'
import { generateLicenseFile } from '../core/sample/licenses.ts'

const CHANGE_EVERY = 100

/** Writes a made-up board's file of so many licensees; with `changed`, one in a hundred has moved. */
export async function writeBenchFile(
  path: string,
  { rows, changed = false }: { readonly rows: number; readonly changed?: boolean },
): Promise<void> {
  const compact = findCompact(defaultCompacts, 'aslp')
  if (!compact) throw new Error('Cannot find compact "aslp"')
  const file = createWriteStream(path, { highWaterMark: 1024 * 1024 })
  let city = -1
  let index = 0
  for (const line of generateLicenseFile({ compact, jurisdiction: 'oh', rows, seed: 1 })) {
    if (index === 0) city = splitCells(Buffer.from(line).toString()).indexOf('homeAddressCity')
    const moves = changed && index % CHANGE_EVERY === 1
    if (!file.write(moves ? move(line, city) : line)) await once(file, 'drain')
    index += 1
  }
  file.end()
  await once(file, 'finish')
}

// Rows with quotes or bad bytes stay as they are.
function move(line: Uint8Array, city: number): Uint8Array {
  const text = Buffer.from(line).toString()
  if (text.includes('"') || text.includes('\uFFFD')) return line
  const cells = splitCells(text.trimEnd())
  if (cells.length <= city) return line
  return Buffer.from(writeLine(cells.with(city, 'Elsewhere')))
}

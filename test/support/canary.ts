import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Payload } from '@temporalio/common'
import type { PayloadCodec } from '../../crypto/payload-codec.ts'
import type { TestTemporal } from './temporal.ts'

/** A place that was looked through, and its text. */
export type Place = { readonly name: string; readonly text: string }

/** Which of these words stand where, as `place: word`; upper and lower case are the same. */
export function listFinds(places: readonly Place[], words: readonly string[]): string[] {
  return places.flatMap(({ name, text }) => {
    const folded = text.toLowerCase()
    const found = words.filter((word) => folded.includes(word.toLowerCase()))
    return found.map((word) => `${name}: ${word}`)
  })
}

/**
 * Everything that Temporal has of every run: its history, description (search attributes, memo,
 * pending activities with their last failure), with payloads as they are kept and decoded.
 */
export async function readWorkflows(temporal: TestTemporal): Promise<Place[]> {
  return await temporal.client.call(
    async (client) => {
      const places: Place[] = []
      for await (const { workflowId, runId } of client.workflow.list()) {
        const handle = client.workflow.getHandle(workflowId, runId)
        const parts = [await handle.fetchHistory(), (await handle.describe()).raw]
        const text = (
          await Promise.all(parts.map(async (part) => await spell(part, temporal.codec)))
        )
          .flat()
          .join('\n')
        places.push({ name: workflowId, text })
      }
      return places
    },
    { deadlineMs: 60_000 },
  )
}

/** The log files below a folder. */
export async function readLogFiles(directory: string): Promise<Place[]> {
  const entries = await readdir(directory, { recursive: true })
  const logs = entries.filter((entry) => entry.endsWith('.log'))
  return await Promise.all(
    logs.map(async (name) => ({ name, text: await readFile(join(directory, name), 'utf8') })),
  )
}

// Every text in a message of Temporal's API: strings, bytes as they are, and payloads decoded.
async function spell(value: unknown, codec: PayloadCodec): Promise<string[]> {
  if (typeof value === 'string') return [value]
  if (ArrayBuffer.isView(value))
    return [Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')]
  if (typeof value !== 'object' || value === null) return []
  const payload = value as Payload // whether it is one is looked at
  const decoded = ArrayBuffer.isView(payload.data) ? await decode(payload, codec) : []
  const inside = Object.entries(value).map(async ([name, member]) => [
    name,
    ...(await spell(member, codec)),
  ])
  return [...decoded, ...(await Promise.all(inside)).flat()]
}

async function decode(payload: Payload, codec: PayloadCodec): Promise<string[]> {
  const decoded = await codec.decode([payload])
  return decoded.map(({ data }) => Buffer.from(data ?? []).toString('utf8'))
}

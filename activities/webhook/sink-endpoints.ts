import { createHash } from 'node:crypto'
import type { WebhookSink } from '../../core/webhook/endpoint.ts'
import type { Transaction } from '../../db/client.ts'
import { listSinkEndpoints, saveSinkEndpoint } from '../../db/webhook/endpoints.ts'

export type SinkEndpoint = {
  readonly sink: WebhookSink
  readonly endpointId: string
  readonly isDisabled: boolean
}

/** The endpoints of these sinks; one that is new, or has another address, is written first. */
export async function getSinkEndpoints(
  tx: Transaction,
  sinks: readonly WebhookSink[],
): Promise<SinkEndpoint[]> {
  const names = sinks.map(({ name }) => name)
  const known = await listSinkEndpoints(tx, names)
  const endpoints: SinkEndpoint[] = []
  for (const sink of sinks) {
    const addressHash = createHash('sha256').update(sink.url).digest()
    const found = known.find(({ name }) => name === sink.name)
    const isSame = found?.addressHash?.equals(addressHash) === true
    const { id, state } = isSame
      ? found
      : await saveSinkEndpoint(tx, { name: sink.name, addressHash })
    endpoints.push({ sink, endpointId: id, isDisabled: state === 'disabled' })
  }
  return endpoints
}

import { fileURLToPath } from 'node:url'
import type { DataConverter, PayloadCodec } from '@temporalio/common'

/** The failure converter stands beside the sources; a built tree keeps it there (dist/crypto → ../../crypto). */
export const failureConverterPath = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts')
      ? './failure-converter.cjs'
      : '../../crypto/failure-converter.cjs',
    import.meta.url,
  ),
)

/** How clients, workers, replay and tools turn values into payloads: through the codec, failures included. */
export function createDataConverter(codec: PayloadCodec): DataConverter {
  return { payloadCodecs: [codec], failureConverterPath }
}

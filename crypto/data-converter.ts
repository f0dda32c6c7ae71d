import { fileURLToPath } from 'node:url'
import type { DataConverter, PayloadCodec } from '@temporalio/common'

/** The converters stand beside this module; the build copies them. */
export const payloadConverterPath = fileURLToPath(
  new URL('./payload-converter.cjs', import.meta.url),
)
export const failureConverterPath = fileURLToPath(
  new URL('./failure-converter.cjs', import.meta.url),
)

/** How clients, workers, replay and tools turn values into payloads: through the codec, failures included. */
export function createDataConverter(codec: PayloadCodec): DataConverter {
  return { payloadCodecs: [codec], payloadConverterPath, failureConverterPath }
}

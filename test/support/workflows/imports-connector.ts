import { createTemporalClient } from '../../../connectors/temporal.ts'

/** Breaks the rule that workflows have no I/O. */
export async function importsConnector(): Promise<string> {
  return createTemporalClient.name
}

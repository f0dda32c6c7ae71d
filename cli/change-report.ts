import type { ChangeView } from './change-view.ts'
import type { Output } from './output.ts'

/** Shows how far a change has got: its tags and every sink's, in milliseconds since it was received. */
export function showChange(output: Output, change: ChangeView): void {
  const { serial, condition, changed, publisher, tags, sinks } = change
  output.line(`Change ${serial} by ${publisher}: ${condition} of ${changed.join(', ')}`)
  const receivedAt = tags.find(({ tag }) => tag === 'received')?.at
  const elapsed = (at: string | undefined): string =>
    at === undefined || receivedAt === undefined
      ? '–'
      : String(Date.parse(at) - Date.parse(receivedAt))
  output.table(
    ['tag', 'sink', 'state', 'ms', 'attempts', 'last error'],
    [
      ...tags.map(({ tag, at }) => [tag, '–', '–', elapsed(at), '–', '']),
      ...sinks.map(({ name, state, at, attempts, error }) => [
        'sink',
        name,
        state,
        elapsed(at),
        String(attempts),
        error?.code ?? '',
      ]),
    ],
  )
  if (sinks.length === 0) output.line('No sinks are configured: it is in the vault')
}

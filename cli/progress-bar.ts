import { SingleBar } from 'cli-progress'

/** Shows how far something is; without a terminal it keeps quiet. */
export type ProgressBar = {
  /** `note` stands behind the bar: the rate, what is left. */
  readonly update: (done: number, note: string) => void
  readonly stop: () => void
}

export type ProgressBarOptions = { readonly label: string; readonly total: number }

/** Starts a progress bar on stderr. */
export function startProgressBar({ label, total }: ProgressBarOptions): ProgressBar {
  if (!process.stderr.isTTY) return { update() {}, stop() {} }
  const bar = new SingleBar({
    stream: process.stderr,
    format: `${label.padEnd(10)} {bar} {percentage} % {note}`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: false,
  })
  bar.start(Math.max(total, 1), 0, { note: '' })
  return {
    update: (done, note) => bar.update(Math.min(done, Math.max(total, 1)), { note }),
    stop: () => bar.stop(),
  }
}

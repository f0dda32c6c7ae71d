import { setCurrentDetails } from '@temporalio/workflow'

/** Counts and states, in the order in which they are shown; absent ones are left out. */
export type RunDetails = Readonly<Record<string, string | number | undefined>>

/** Shows operators where a run stands: a heading and a table in Temporal's Markdown, never personal data. */
export function showDetails(heading: string, details: RunDetails): void {
  setCurrentDetails(formatDetails(heading, details))
}

/** The text that `showDetails` sets. */
export function formatDetails(heading: string, details: RunDetails): string {
  const rows = Object.entries(details)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `| ${name} | ${formatValue(value)} |`)
  if (rows.length === 0) return `**${heading}**`
  return [`**${heading}**`, '', '| | |', '|---|---:|', ...rows].join('\n')
}

function formatValue(value: string | number | undefined): string {
  return typeof value === 'number' ? value.toLocaleString('en-US') : String(value)
}

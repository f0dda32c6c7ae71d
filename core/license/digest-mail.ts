/** What a digest tells of an upload, as far as a mail shows it. */
export type DigestContent = {
  readonly uploadId: string
  readonly compact: string
  readonly jurisdiction: string
  readonly state: string
  readonly failureCode?: string | undefined
  readonly fileFaults: readonly { readonly message: string }[]
  readonly counts: Readonly<Record<string, number>>
  readonly faults: readonly {
    readonly line: number
    readonly record: number
    readonly errors: Readonly<Record<string, readonly { readonly message: string }[]>>
  }[]
  readonly more: number
  /** A path below the API's address. */
  readonly link: string
}

export type DigestMail = { readonly subject: string; readonly text: string }

/** The mail that a board's contacts get when an upload ends: counts, the first faults, a link; no cell's value. */
export function formatDigestMail(digest: DigestContent, publicUrl: string): DigestMail {
  const place = `${digest.compact}/${digest.jurisdiction}`
  const refused = (digest.counts['rejected'] ?? 0) + (digest.counts['duplicates'] ?? 0)
  const outcome = refused === 0 ? digest.state : `${digest.state}, ${refused} rows refused`
  const sections = [
    `The upload ${digest.uploadId} of ${place} has ended: ${describeEnd(digest)}.`,
    formatCounts(digest.counts),
    formatFileFaults(digest),
    formatFaults(digest),
    `All refused rows: ${publicUrl}${digest.link}`,
  ]
  return {
    subject: `License upload of ${place}: ${outcome}`,
    text: `${sections.filter((section) => section !== '').join('\n\n')}\n`,
  }
}

function describeEnd({ state, failureCode }: DigestContent): string {
  return failureCode === undefined ? state : `${state} (${failureCode})`
}

function formatCounts(counts: DigestContent['counts']): string {
  return Object.entries(counts)
    .map(([name, count]) => `${`${name}:`.padEnd(12)} ${count}`)
    .join('\n')
}

function formatFileFaults({ fileFaults }: DigestContent): string {
  if (fileFaults.length === 0) return ''
  return ['The file was refused:', ...fileFaults.map(({ message }) => `  ${message}`)].join('\n')
}

function formatFaults({ faults, more }: DigestContent): string {
  if (faults.length === 0) return ''
  const lines = faults.flatMap(({ line, record, errors }) => [
    `Line ${line} (record ${record})`,
    ...Object.entries(errors).flatMap(([field, messages]) =>
      messages.map(({ message }) => `  ${field}: ${message}`),
    ),
  ])
  return [...lines, ...(more > 0 ? [`${more} more`] : [])].join('\n')
}

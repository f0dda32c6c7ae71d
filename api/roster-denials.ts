/** Says which denials of webhooks are written down. */
export type DenialBook = {
  /** For one more denial: how many were left out since the last one that was written, or undefined to leave it out too. */
  readonly take: (tenant: string) => { readonly leftOut: number } | undefined
}

type Page = { readonly endsAtMs: number; written: number; leftOut: number }

const WRITTEN_AT_ONCE = 10
const MINUTE_MS = 60_000

/** A book in which ten denials of a tenant find room each minute: nobody fills the audit log from outside. */
export function createDenialBook(clock: () => Date): DenialBook {
  const pages = new Map<string, Page>()
  return {
    take(tenant) {
      const now = clock().getTime()
      const known = pages.get(tenant)
      const isOpen = known !== undefined && now < known.endsAtMs
      const page = isOpen
        ? known
        : { endsAtMs: now + MINUTE_MS, written: 0, leftOut: known?.leftOut ?? 0 }
      pages.set(tenant, page)
      if (page.written >= WRITTEN_AT_ONCE) {
        page.leftOut += 1
        return undefined
      }
      const { leftOut } = page
      page.written += 1
      page.leftOut = 0
      return { leftOut }
    },
  }
}

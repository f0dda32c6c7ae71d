/** What the choice depends on, as the board uploaded it. */
export type Candidate = {
  readonly jurisdiction: string
  readonly licenseType: string
  readonly licenseStatus: string
  readonly compactEligibility: string
  /** `YYYY-MM-DD`. */
  readonly dateOfIssuance: string
}

/**
 * The license that the database has to choose as the one that speaks for a provider: of the home
 * jurisdiction if that has any, then the newest issuance among the eligible, else among the active,
 * else among all. Equals are told apart by type and jurisdiction, so that the order of the licenses
 * never matters.
 */
export function chooseSpeaker<T extends Candidate>(
  licenses: readonly T[],
  homeJurisdiction?: string,
): T | undefined {
  const atHome = licenses.filter(({ jurisdiction }) => jurisdiction === homeJurisdiction)
  const candidates = atHome.length > 0 ? atHome : licenses
  const eligible = candidates.filter((license) => license.compactEligibility === 'eligible')
  const active = candidates.filter((license) => license.licenseStatus === 'active')
  const [best] = [eligible, active, candidates].filter((group) => group.length > 0)
  return best?.toSorted(compareCandidates)[0]
}

function compareCandidates(one: Candidate, other: Candidate): number {
  return (
    compare(other.dateOfIssuance, one.dateOfIssuance) ||
    compare(one.licenseType, other.licenseType) ||
    compare(one.jurisdiction, other.jurisdiction)
  )
}

function compare(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}

import type {
  BoardValues,
  StoredLicense,
  StoredPrivilege,
  StoredProvider,
} from './stored-license.ts'

export type LicenseStatus = 'active' | 'inactive'
export type Eligibility = 'eligible' | 'ineligible'

/** What no upload says by itself: it depends on the day and on marks. */
export type DerivedStatus = {
  readonly licenseStatus: LicenseStatus
  readonly compactEligibility: Eligibility
}

/** A license as readers see it: board fields, and the status of the moment beside the uploaded one. */
export type LicenseView = Omit<BoardValues, keyof DerivedStatus> &
  DerivedStatus & {
    readonly providerId: string
    readonly jurisdiction: string
    readonly licenseType: string
    readonly jurisdictionUploadedLicenseStatus: string
    readonly jurisdictionUploadedCompactEligibility: string
    readonly encumbranceStatus: string | null
    readonly investigationStatus: string | null
    readonly dateOfUpdate: Date
  }

export type PrivilegeView = Omit<StoredPrivilege, 'licenseDeactivatedAt'> & {
  readonly status: LicenseStatus
}

/** A provider as readers see it, with the names and contact data of the license that speaks for it. */
export type ProviderView = Omit<LicenseView, 'jurisdiction'> & {
  readonly compact: string
  readonly licenseJurisdiction: string
  readonly homeJurisdiction: string | null
  readonly ssnLastFour: string | null
  readonly licenses: readonly LicenseView[]
  readonly privileges: readonly PrivilegeView[]
}

/** Answers the calendar day, `YYYY-MM-DD`, where a jurisdiction is. */
export type Today = (jurisdiction: string) => string

export type ProviderParts = {
  readonly provider: StoredProvider
  readonly licenses: readonly StoredLicense[]
  readonly privileges: readonly StoredPrivilege[]
}

const UNENCUMBERED = 'unencumbered'
const dayFormats = new Map<string, Intl.DateTimeFormat>()

/** Puts a provider together; undefined when the license that speaks for it is not among the parts. */
export function viewProvider(parts: ProviderParts, today: Today): ProviderView | undefined {
  const { provider } = parts
  const speaker = parts.licenses.find((license) => speaksFor(license, provider))
  if (!speaker) return undefined
  const { jurisdiction, ...summary } = viewLicense(speaker, today)
  return {
    ...summary,
    compact: provider.compact,
    licenseJurisdiction: jurisdiction,
    homeJurisdiction: provider.homeJurisdiction,
    compactEligibility: livesElsewhere(provider) ? 'ineligible' : summary.compactEligibility,
    ssnLastFour: provider.ssnLastFour,
    dateOfUpdate: provider.updatedAt,
    licenses: parts.licenses.map((license) => viewLicense(license, today)),
    privileges: parts.privileges.map((privilege) => viewPrivilege(privilege, today)),
  }
}

/** A license with its status of today: active if uploaded so, not expired and not encumbered. */
export function viewLicense(license: StoredLicense, today: Today): LicenseView {
  const { board } = license
  const active =
    board.licenseStatus === 'active' &&
    !hasExpired(board.dateOfExpiration, today(license.jurisdiction)) &&
    !isEncumbered(license.encumbranceStatus)
  return {
    ...board,
    providerId: license.providerId,
    jurisdiction: license.jurisdiction,
    licenseType: license.licenseType,
    licenseStatus: active ? 'active' : 'inactive',
    compactEligibility:
      active && board.compactEligibility === 'eligible' ? 'eligible' : 'ineligible',
    jurisdictionUploadedLicenseStatus: board.licenseStatus,
    jurisdictionUploadedCompactEligibility: board.compactEligibility,
    encumbranceStatus: license.encumbranceStatus,
    investigationStatus: license.investigationStatus,
    dateOfUpdate: license.updatedAt,
  }
}

/** The day of an instant in a time zone (an IANA name), `YYYY-MM-DD`. */
export function dayIn(timeZone: string, instant: Date): string {
  let format = dayFormats.get(timeZone)
  if (!format) {
    format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' })
    dayFormats.set(timeZone, format)
  }
  return format.format(instant)
}

function viewPrivilege(privilege: StoredPrivilege, today: Today): PrivilegeView {
  const { licenseDeactivatedAt, ...rest } = privilege
  const active =
    licenseDeactivatedAt === null &&
    !hasExpired(privilege.dateOfExpiration, today(privilege.jurisdiction)) &&
    !isEncumbered(privilege.encumbranceStatus)
  return { ...rest, status: active ? 'active' : 'inactive' }
}

function speaksFor(license: StoredLicense, provider: StoredProvider): boolean {
  return (
    license.jurisdiction === provider.licenseJurisdiction &&
    license.licenseType === provider.licenseType
  )
}

function livesElsewhere(provider: StoredProvider): boolean {
  return (
    provider.homeJurisdiction !== null && provider.homeJurisdiction !== provider.licenseJurisdiction
  )
}

function hasExpired(dateOfExpiration: string, today: string): boolean {
  return dateOfExpiration < today
}

function isEncumbered(status: string | null): boolean {
  return status !== null && status !== UNENCUMBERED
}

import type { LicenseView, PrivilegeView, ProviderView } from '../../core/license/provider-view.ts'
import type { StoredLicenseChange } from '../../core/license/stored-license.ts'
import {
  changeFields,
  licenseFields,
  privilegeFields,
  providerFields,
} from '../policies/provider-fields.ts'
import type { ProviderAudience } from '../policies/provider.ts'

/** What leaves the service: absent values left out, times as RFC 3339. */
export type Presented = Readonly<Record<string, unknown>>

type Policy = Readonly<Record<string, ProviderAudience>>

/** A provider with its licenses and privileges, as this audience may see them. */
export function presentProvider(provider: ProviderView, audience: ProviderAudience): Presented {
  return present(
    {
      ...provider,
      licenses: provider.licenses.map((license) => presentLicense(license, audience)),
      privileges: provider.privileges.map((privilege) => presentPrivilege(privilege, audience)),
    },
    providerFields,
    audience,
  )
}

/** A license, as this audience may see it. */
export function presentLicense(license: LicenseView, audience: ProviderAudience): Presented {
  return present(license, licenseFields, audience)
}

/** A history entry, its values and the names of removed ones held to the fields' own policy. */
export function presentChange(change: StoredLicenseChange, audience: ProviderAudience): Presented {
  return present(
    {
      ...change,
      previous: present(change.previous, licenseFields, audience),
      updatedValues: present(change.updatedValues, licenseFields, audience),
      removedValues: change.removedValues.filter((field) =>
        isVisible(field, licenseFields, audience),
      ),
    },
    changeFields,
    audience,
  )
}

function presentPrivilege(privilege: PrivilegeView, audience: ProviderAudience): Presented {
  return present(privilege, privilegeFields, audience)
}

// A field that the policy does not name never leaves.
function present(
  value: Readonly<Record<string, unknown>>,
  policy: Policy,
  audience: ProviderAudience,
): Presented {
  const visible = Object.entries(value).filter(
    ([field, content]) =>
      content !== null && content !== undefined && isVisible(field, policy, audience),
  )
  return Object.fromEntries(visible)
}

function isVisible(field: string, policy: Policy, audience: ProviderAudience): boolean {
  if (!Object.hasOwn(policy, field)) return false
  return audience === 'private' || policy[field] === 'general'
}

const zones = Intl.supportedValuesOf('timeZone')
const regions = [...new Set(zones.map((zone) => zone.split('/').slice(0, -1).join('/')))]

/** True for a zone of the IANA time zone database, such as Europe/Berlin. */
export function isTimeZone(name: string): boolean {
  // An offset is no zone: it knows no summer.
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** The time zone that a city names, such as `Europe/Paris` for "Paris"; undefined for none. */
export function findTimeZoneOfCity(city: string): string | undefined {
  const name = city.trim().replaceAll(' ', '_')
  const known = zones.find((zone) => zone.endsWith(`/${name}`))
  // Zones with two names are listed under one of them: Asia/Calcutta, Asia/Kolkata.
  return known ?? regions.map((region) => `${region}/${name}`).find(isTimeZone)
}

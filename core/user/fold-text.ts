/** Text as it is compared where letter case does not matter: NFC, case folded. */
export function foldText(text: string): string {
  return text.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC')
}

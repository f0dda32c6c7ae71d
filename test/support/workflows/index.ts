export { echo } from './echo.ts'
export { fail } from './fail.ts'

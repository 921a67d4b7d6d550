/** What strangers assert of themselves, made fit to be shown: shared with the pages of resources. */
export {
  clipText,
  displayName,
  displayText,
  resemblesAddress,
  TEXT_LIMITS,
} from '@countersign/protocol';

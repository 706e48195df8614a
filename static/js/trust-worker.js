/* Does nothing: trust.js asks whether it may be registered at all. */

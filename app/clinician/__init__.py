"""The clinician's pages: caseload, patient, live session, review."""

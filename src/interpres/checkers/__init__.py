"""checkers: who checks a promise — JSON Schema, FHIR models, HL7 v2 structures — one file a checker."""

//! hallpass-django

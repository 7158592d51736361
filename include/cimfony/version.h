/* cimfony/version.h - version of the library and programs. */
#ifndef CIMFONY_VERSION_H
#define CIMFONY_VERSION_H
#define CIMFONY_VERSION "0.1.0"
#endif

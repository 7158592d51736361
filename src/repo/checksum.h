/* repo/checksum.h - CRC-32C (Castagnoli, RFC 3720 B.4), the checksum of every record. */
#ifndef REPO_CHECKSUM_H
#define REPO_CHECKSUM_H

#include "base/slice.h"

/* Continues from an earlier result; start with 0. */
uint32_t checksum_crc32c(uint32_t crc, const void *p, size_t n);
/* The portable way, for comparing in tests. */
uint32_t checksum_crc32c_table(uint32_t crc, const void *p, size_t n);

#endif

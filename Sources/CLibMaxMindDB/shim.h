#pragma once
#include <maxminddb.h>
#include <string.h>

/// Finds the entry of an address of 4 or 16 bytes in the network's order.
static inline bool wardpost_mmdb_find(const MMDB_s *database, const uint8_t *bytes, int count, MMDB_entry_s *entry) {
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};
    const struct sockaddr *address;
    if (count == 4) {
        memcpy(&four.sin_addr, bytes, 4);
        address = (const struct sockaddr *)&four;
    } else {
        memcpy(&six.sin6_addr, bytes, 16);
        address = (const struct sockaddr *)&six;
    }
    int error = MMDB_SUCCESS;
    MMDB_lookup_result_s result = MMDB_lookup_sockaddr(database, address, &error);
    if (error != MMDB_SUCCESS || !result.found_entry) return false;
    *entry = result.entry;
    return true;
}

/// The text at a path of up to four steps, and its size; the library's own function has no fixed number of arguments.
static inline const char *wardpost_mmdb_text(
    MMDB_entry_s *entry, const char *first, const char *second, const char *third, const char *fourth, uint32_t *size) {
    MMDB_entry_data_s data;
    int error = MMDB_get_value(entry, &data, first, second, third, fourth, (const char *)NULL);
    if (error != MMDB_SUCCESS || !data.has_data || data.type != MMDB_DATA_TYPE_UTF8_STRING) return NULL;
    *size = data.data_size;
    return data.utf8_string;
}

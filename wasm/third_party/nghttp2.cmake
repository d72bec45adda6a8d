# nghttp2 1.64.0, the library only.
set(DIR ${MESHTERM_DEPS}/nghttp2/lib)
file(GLOB SOURCES ${DIR}/*.c)
set(PACKAGE_VERSION 1.64.0)
set(PACKAGE_VERSION_NUM 0x014000)
configure_file(${DIR}/includes/nghttp2/nghttp2ver.h.in
               ${CMAKE_BINARY_DIR}/third_party/nghttp2/nghttp2/nghttp2ver.h @ONLY)
third_party(nghttp2 COLD PARSER SOURCES ${SOURCES}
    INCLUDES ${DIR}/includes ${CMAKE_BINARY_DIR}/third_party/nghttp2
    PRIVATE_INCLUDES ${DIR}
    DEFINES NGHTTP2_STATICLIB
    PRIVATE_DEFINES HAVE_ARPA_INET_H HAVE_NETINET_IN_H)
set_source_files_properties(${DIR}/nghttp2_time.c PROPERTIES
    COMPILE_OPTIONS "-include;${CMAKE_CURRENT_LIST_DIR}/nghttp2_no_clock.h")

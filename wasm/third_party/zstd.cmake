# zstd 1.5.7, the decoder only.
set(DIR ${MESHTERM_DEPS}/zstd/lib)
file(GLOB SOURCES ${DIR}/common/*.c ${DIR}/decompress/*.c)
third_party(zstd COLD PARSER SOURCES ${SOURCES} INCLUDES ${DIR}
    PRIVATE_DEFINES ZSTD_DISABLE_ASM=1 XXH_NAMESPACE=ZSTD_ ZSTD_LEGACY_SUPPORT=0)

# zstd 1.5.7, the decoder only, with one variant of each part (lib/README.md, its build macros). What runs
# for each byte of a netmap is compiled for speed: 10,000 peers are 15 MB.
set(DIR ${MESHTERM_DEPS}/zstd/lib)
file(GLOB SOURCES ${DIR}/common/*.c ${DIR}/decompress/*.c)
third_party(zstd COLD PARSER SOURCES ${SOURCES} INCLUDES ${DIR}
    PRIVATE_DEFINES ZSTD_DISABLE_ASM=1 XXH_NAMESPACE=ZSTD_ ZSTD_LEGACY_SUPPORT=0
        HUF_FORCE_DECOMPRESS_X1 ZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT ZSTD_STRIP_ERROR_STRINGS)
set_source_files_properties(${DIR}/decompress/zstd_decompress_block.c ${DIR}/decompress/huf_decompress.c
    PROPERTIES COMPILE_OPTIONS "${WARM_FLAGS}")

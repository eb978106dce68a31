import Core
import Files
import Glibc
import Testing

@testable import Intake

@Suite("What a refused file is told")
struct FolderMessageTests {
    @Test(
        "each errno has its sentence, with the file's name as its place",
        arguments: [
            (ENOENT, "the file is not there"), (ENOTDIR, "the file is not there"), (ELOOP, "links are not followed"),
            (EXDEV, "links are not followed"), (EACCES, "we may not read this"), (EPERM, "we may not read this"),
            (ENXIO, "this is a pipe, a socket, a device or a folder, not a file"),
            (EIO, "cannot open letters/a.pdf: Input/output error"),
        ]
    )
    func sentences(code: Int32, problem: String) {
        let found = JobFolder.diagnostic(FileError(.open, "letters/a.pdf", code: code), "letters/a.pdf")
        #expect(found.problem == problem)
        #expect(found.place == Place(file: "letters/a.pdf"))
    }
}

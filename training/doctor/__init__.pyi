from .checks import CheckResult, DoctorInput, Finding
from .run import CHECKS, run_checks

__all__ = ["CHECKS", "CheckResult", "DoctorInput", "Finding", "run_checks"]

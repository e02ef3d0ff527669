<#
.SYNOPSIS
Carries out one saved plan of insightctl, and writes down what became of every operation.

.DESCRIPTION
For each step of the plan: looks what is there, leaves alone whoever is no longer as the plan found them, writes with
Microsoft's own cmdlets, reads back, and appends one row for each operation to the results file. Errors of one person do
not stop the others. Run it again to go on where it stopped: what has its final row is not done a second time.

What is to be done stands in the file beside this script, of the same name and with the ending .jsonl; its SHA-256 is
checked first. You sign in yourself; no secret is in either file, and none is written.

.PARAMETER WhatIf
Looks, and writes nothing: neither to the tenant nor to the results file.

.PARAMETER Results
Where the rows are appended; by default beside this script, with the ending .results.csv.

.PARAMETER StopAfter
Stops after this many failures in a row.

.PARAMETER WithoutLicences
Leaves the operations on service plans alone, and does not sign in to Microsoft Graph.
#>
#Requires -Version 5.1
#
{{HEADER}}
[CmdletBinding()]
param(
    [switch]$WhatIf,
    [string]$Results,
    [ValidateRange(1, 1000)][int]$StopAfter = 10,
    [switch]$WithoutLicences
)

# Whoever runs this has consented to the plan as a whole.
$ConfirmPreference = 'None'

$PlanHash = '{{PLAN}}'
$TenantId = '{{TENANT}}'
$StepsHash = '{{STEPS_SHA256}}'
$StepCount = {{STEPS}}
$LicenceSteps = {{LICENCE_STEPS}}
# The plan, and the consent to it, hold until then.
$NotAfter = '{{NOT_AFTER}}'
# So many people may be found changed, or the plan as a whole is stale.
$MayMove = {{MAY_MOVE}}
# What the sign-in commands call the cloud; nothing where it is the worldwide one.
$ExchangeCloud = '{{EXCHANGE_CLOUD}}'
$GraphCloud = '{{GRAPH_CLOUD}}'

# Pauses after the service asks for fewer calls, in seconds; after the last one the call has failed.
$Pauses = 15, 30, 60, 120, 240
$AsksForPause = '\b429\b|throttl|too many requests|server is busy|backoff|back off'
# After these a write was surely not done; after anything else nobody knows, least of all after these others.
$Refuses = '\b40[0134]\b|\b429\b|throttl|too many requests|bad request|unauthori[sz]ed|forbidden|access.?(is )?denied|' +
    'permission|not found|could ?n.t be found|could not be found|does ?n.t exist|invalid|cannot (bind|validate)'
$LeavesOpen = 'timed? ?out|cancel|connection|network|socket|gateway|\b50[0234]\b|unavailable|internal server error'

$Columns = 'UserPrincipalName', 'ObjectId', 'Group', 'Setting', 'From', 'To', 'Outcome', 'Attempts', 'RequestId', 'Message',
    'At', 'Before', 'After', 'Operation', 'PlanHash'

# ---------------------------------------------------------------------------------------------- asking the services

function Confirm-Module([string]$Name, [version]$Least) {
    $newest = Get-Module -ListAvailable -Name $Name | Sort-Object -Property Version -Descending | Select-Object -First 1
    if (-not $newest -or $newest.Version -lt $Least) {
        throw "the module $Name in version $Least or later is missing: Install-Module $Name -Scope CurrentUser"
    }
    Import-Module -Name $Name -MinimumVersion $Least -ErrorAction Stop
}

# Connects to the settings service, and makes sure that it is the tenant of the plan.
function Connect-Settings {
    $open = @(Get-ConnectionInformation -ErrorAction Stop | Where-Object { $_.State -eq 'Connected' })
    if ($open.Count -eq 0) {
        $with = @{ ShowBanner = $false; ErrorAction = 'Stop' }
        if ($ExchangeCloud) { $with['ExchangeEnvironmentName'] = $ExchangeCloud }
        Connect-ExchangeOnline @with
        $open = @(Get-ConnectionInformation -ErrorAction Stop | Where-Object { $_.State -eq 'Connected' })
    }
    if ($open.Count -eq 0) { throw 'there is no connection to Exchange Online' }
    foreach ($one in $open) {
        if ("$($one.TenantID)" -ne $TenantId) {
            throw "connected to tenant $($one.TenantID), and the plan is for $TenantId; nothing was written: Disconnect-ExchangeOnline"
        }
    }
    $defaults = Get-DefaultTenantMyAnalyticsFeatureConfig -ErrorAction Stop
    if ($defaults.TenantId -and "$($defaults.TenantId)" -ne $TenantId) {
        throw "the service answers for tenant $($defaults.TenantId), and the plan is for $TenantId; nothing was written"
    }
}

# Connects to Microsoft Graph, and makes sure that it is the tenant of the plan.
function Connect-Licences {
    $with = @{
        TenantId = $TenantId
        Scopes = @('User.Read.All', 'LicenseAssignment.ReadWrite.All')
        NoWelcome = $true
        ErrorAction = 'Stop'
    }
    if ($GraphCloud) { $with['Environment'] = $GraphCloud }
    Connect-MgGraph @with
    $context = Get-MgContext -ErrorAction Stop
    if ("$($context.TenantId)" -ne $TenantId) {
        throw "connected to tenant $($context.TenantId), and the plan is for $TenantId; nothing was written: Disconnect-MgGraph"
    }
}

# Calls one cmdlet, which is one of these five. Parameters are splatted: they are data, whatever stands in them.
function Invoke-Patiently([string]$Cmdlet, [hashtable]$With) {
    $attempt = 0
    while ($true) {
        $attempt++
        try {
            $answer = switch ($Cmdlet) {
                'Get-MyAnalyticsFeatureConfig' { Get-MyAnalyticsFeatureConfig @With -ErrorAction Stop }
                'Set-MyAnalyticsFeatureConfig' { Set-MyAnalyticsFeatureConfig @With -ErrorAction Stop }
                'Get-DefaultTenantMyAnalyticsFeatureConfig' { Get-DefaultTenantMyAnalyticsFeatureConfig -ErrorAction Stop }
                'Set-DefaultTenantMyAnalyticsFeatureConfig' { Set-DefaultTenantMyAnalyticsFeatureConfig @With -ErrorAction Stop }
                'Invoke-MgGraphRequest' { Invoke-MgGraphRequest @With -ErrorAction Stop }
                default { throw "$Cmdlet is none of the cmdlets that this script calls" }
            }
            return @{ Ok = $true; Answer = $answer; Attempts = $attempt; Message = ''; Open = $false }
        }
        catch {
            $said = "$($_.Exception.Message)"
            if (-not ($said -match $AsksForPause) -or $attempt -gt $Pauses.Count) {
                return @{ Ok = $false; Answer = $null; Attempts = $attempt; Message = $said; Open = ($said -match $LeavesOpen -or -not ($said -match $Refuses)) }
            }
        }
        Start-Sleep -Seconds $Pauses[$attempt - 1]
    }
}

# ------------------------------------------------------------------------------------------------- reading answers

function ConvertTo-Switch($Field) {
    switch ("$Field".Trim().ToLowerInvariant()) {
        'true' { return 'on' }
        'opted-in' { return 'on' }
        'false' { return 'off' }
        'opted-out' { return 'off' }
    }
    return $null
}

# Reads one person: State is what they have, or nothing where it is not wholly known.
function Read-Person($Step) {
    $asked = Invoke-Patiently 'Get-MyAnalyticsFeatureConfig' @{ Identity = $Step.identity }
    if (-not $asked.Ok) { return @{ State = $null; Message = $asked.Message } }
    $answers = @($asked.Answer)
    if ($answers.Count -ne 1) {
        return @{ State = $null; Message = "the answer holds $($answers.Count) objects where there must be one" }
    }
    $user = "$($answers[0].UserId)".Trim()
    if ($user -ne $Step.identity -and $user -ne $Step.id) {
        return @{ State = $null; Message = 'the answer is about somebody else' }
    }
    $mode = "$($answers[0].PrivacyMode)".Trim().ToLowerInvariant()
    if ($mode -ne 'opt-in' -and $mode -ne 'opt-out') { $mode = $null }
    $state = [ordered]@{
        'mode' = $mode
        'dashboard' = ConvertTo-Switch $answers[0].IsDashboardEnabled
        'digest-email' = ConvertTo-Switch $answers[0].IsDigestEmailEnabled
        'outlook-add-in' = ConvertTo-Switch $answers[0].IsAddInEnabled
    }
    foreach ($name in $state.Keys) {
        if (-not $state[$name]) { return @{ State = $null; Message = "the answer does not say what $name is" } }
    }
    return @{ State = $state; Message = '' }
}

# Reads the defaults of the tenant; a field that cannot be understood is left out.
function Read-Defaults {
    $asked = Invoke-Patiently 'Get-DefaultTenantMyAnalyticsFeatureConfig' @{}
    if (-not $asked.Ok) { return @{ State = $null; Message = $asked.Message } }
    $fields = [ordered]@{
        'dashboard' = $asked.Answer.IsDashboardEnabled
        'digest-email' = $asked.Answer.IsDigestEmailEnabled
        'outlook-add-in' = $asked.Answer.IsAddInEnabled
        'schedule-send' = $asked.Answer.IsScheduleSendEnabled
        'meeting-survey' = $asked.Answer.IsMeetingEffectivenessSurveyEnabled
    }
    $state = [ordered]@{}
    foreach ($name in $fields.Keys) {
        $word = ConvertTo-Switch $fields[$name]
        if ($word) { $state[$name] = $word }
    }
    return @{ State = $state; Message = '' }
}

function Join-Sorted($Ids) {
    return (@($Ids | ForEach-Object { "$_".ToLowerInvariant() } | Sort-Object) -join ',')
}

# Reads one person's licences: 'before' and 'after' are the lists of disabled plans that the step names.
function Read-Licences($Step) {
    $with = @{
        Method = 'GET'
        Uri = "/v1.0/users/$($Step.id)?`$select=id,licenseAssignmentStates"
        OutputType = 'PSObject'
    }
    $asked = Invoke-Patiently 'Invoke-MgGraphRequest' $with
    if (-not $asked.Ok) { return @{ Shows = $null; Message = $asked.Message } }
    $isBefore = $true
    $isAfter = $true
    foreach ($change in @($Step.licences)) {
        $direct = @($asked.Answer.licenseAssignmentStates | Where-Object { -not $_.assignedByGroup -and "$($_.skuId)" -eq $change.sku })
        if ($direct.Count -ne 1) {
            $isBefore = $false
            $isAfter = $false
            continue
        }
        $disabled = Join-Sorted $direct[0].disabledPlans
        if ($disabled -ne (Join-Sorted $change.before)) { $isBefore = $false }
        if ($disabled -ne (Join-Sorted $change.after)) { $isAfter = $false }
    }
    if ($isAfter) { return @{ Shows = 'after'; Message = '' } }
    if ($isBefore) { return @{ Shows = 'before'; Message = '' } }
    return @{ Shows = 'neither'; Message = '' }
}

# --------------------------------------------------------------------------------------------------- writing rows

function Format-State($State) {
    if (-not $State) { return '' }
    return (@($State.Keys | ForEach-Object { "$_=$($State[$_])" }) -join ' ')
}

# Makes one cell: a row stays one line, and no spreadsheet takes a cell for a formula.
function Format-Cell([string]$Text) {
    $flat = $Text -replace '[\x00-\x1f\x7f\x85\u2028\u2029]+', ' '
    if ($flat -match '^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]') { $flat = "'" + $flat }
    return '"' + $flat.Replace('"', '""') + '"'
}

# Notes what became of one operation; Save-Rows writes it down.
function Add-Row($Step, $Operation, [string]$Outcome, [int]$Attempts, [string]$Message, [string]$Before, [string]$After) {
    $script:Rows.Add(@{
            Step = $Step
            Operation = $Operation
            Outcome = $Outcome
            Attempts = $Attempts
            Message = $Message
            Before = $Before
            After = $After
        })
    Set-Held $Operation $Outcome $Before
}

# Appends the rows of one step, all with the same moment, and makes sure that they are on the disk.
function Save-Rows {
    $at = [DateTime]::UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", [System.Globalization.CultureInfo]::InvariantCulture)
    $failed = $false
    foreach ($row in $script:Rows) {
        $step = $row.Step
        $operation = $row.Operation
        if ($step.id -and (Test-Changed $row.Outcome)) { $script:Changed["$($step.id)"] = $true }
        $script:Counts[$row.Outcome] = 1 + [int]$script:Counts[$row.Outcome]
        if ($row.Outcome -eq 'failed' -or $row.Outcome -eq 'unanswered') { $failed = $true }
        if ($WhatIf) {
            $who = if ($step.identity) { $step.identity } else { 'tenant' }
            Write-Output "$($row.Outcome): $who $($operation.setting) $($operation.from) -> $($operation.to) $($row.Message)"
            continue
        }
        $cells = $step.identity, $step.id, $step.group, $operation.setting, $operation.from, $operation.to, $row.Outcome,
            $row.Attempts, '', $row.Message, $at, $row.Before, $row.After, $operation.number, $PlanHash
        $script:Writer.WriteLine((@($cells | ForEach-Object { Format-Cell "$_" }) -join ','))
    }
    if (-not $WhatIf -and $script:Rows.Count -gt 0) {
        $script:Writer.Flush()
        $script:Stream.Flush($true)
    }
    if ($failed) { $script:FailuresInARow++ } elseif ($script:Rows.Count -gt 0) { $script:FailuresInARow = 0 }
    $script:Rows.Clear()
}

# Cuts off a row that was being written when the machine died: it has no end, and what it was to say is found out by
# looking.
function Remove-TornRow {
    $file = [System.IO.File]::Open($Results, 'Open', 'ReadWrite', 'None')
    try {
        $end = $file.Length
        while ($end -gt 0) {
            $file.Position = $end - 1
            if ($file.ReadByte() -eq 10) { break }
            $end--
        }
        $file.SetLength($end)
    }
    finally { $file.Dispose() }
}

# Reads the rows of an earlier run of this script, and opens the file to append to it.
function Open-Results {
    if ((Test-Path -LiteralPath $Results) -and (Get-Item -LiteralPath $Results).Length -gt 0) {
        # A header that was cut off in the middle is ours, too.
        $header = $Columns -join ','
        $first = "$(Get-Content -LiteralPath $Results -TotalCount 1 -Encoding UTF8)"
        $torn = $header.StartsWith($first, [StringComparison]::Ordinal) -and $first.Length -eq (Get-Item -LiteralPath $Results).Length
        if ($first -cne $header -and -not $torn) {
            throw "$Results is no results file of this script, and is left as it is; name another file with -Results"
        }
        if (-not $WhatIf) { Remove-TornRow }
        Import-Csv -LiteralPath $Results -Encoding UTF8 | ForEach-Object {
            if ("$($_.PlanHash)".Length -ne $PlanHash.Length) { return }
            if ($_.PlanHash -ne $PlanHash) {
                throw "$Results holds results of another plan, $($_.PlanHash); name another file with -Results"
            }
            if ($_.ObjectId -and (Test-Changed $_.Outcome)) { $script:Changed["$($_.ObjectId)"] = $true }
            $number = [int]$_.Operation
            $known = $script:Known[$number]
            # Where nothing was sent, what was sent before is still what counts.
            if ($known -and [int]$_.Attempts -eq 0 -and -not (Test-Final $_.Outcome)) { return }
            $script:Known[$number] = @{ Outcome = $_.Outcome; Before = $_.Before; Attempts = [int]$_.Attempts }
        }
    }
    if ($WhatIf) { return }
    # Others may read the file meanwhile; a second run of this script finds it locked.
    $script:Stream = [System.IO.File]::Open($Results, 'Append', 'Write', 'Read')
    $script:Writer = [System.IO.StreamWriter]::new($script:Stream, [System.Text.UTF8Encoding]::new($false))
    $script:Writer.NewLine = "`n"
    if ($script:Stream.Length -eq 0) { $script:Writer.WriteLine(($Columns -join ',')) }
    $script:Writer.Flush()
}

# Notes that a step is about to be written, so that a run that dies now can be told from somebody else's change. The step
# stands in it as a whole: a plan that is handed over again may number its steps otherwise, or leave this one out.
function Set-Pending {
    $bytes = [System.Text.UTF8Encoding]::new($false).GetBytes("$PlanHash`n$script:Line`n")
    $file = [System.IO.File]::Open($Pending, 'Create', 'Write', 'None')
    try {
        $file.Write($bytes, 0, $bytes.Length)
        $file.Flush($true)
    }
    finally { $file.Dispose() }
    $script:Marked = $true
}

# Takes the note away once the rows of its step are on the disk.
function Clear-Pending {
    if (-not $script:Marked) { return }
    [System.IO.File]::Delete($Pending)
    $script:Marked = $false
}

# Writes a row for what an earlier run was writing when it died: nobody knows whether it was done.
function Resolve-Pending {
    if (-not (Test-Path -LiteralPath $Pending)) { return }
    $text = [System.IO.File]::ReadAllText($Pending)
    $parts = $text -split "`n"
    # A note that has no end was not yet written when the machine died, and so nothing else was.
    if ($parts.Count -ge 3) {
        if ($parts[0] -ne $PlanHash) { throw "$Pending is of another plan, $($parts[0]); name another file with -Results" }
        $step = ConvertFrom-Json -InputObject $parts[1]
        foreach ($operation in @($step.operations)) {
            $outcome = Get-Outcome $operation
            if ((Test-Final $outcome) -or $outcome -eq 'settling' -or $outcome -eq 'unanswered') { continue }
            $script:Known[[int]$operation.number] = @{ Outcome = 'unanswered'; Before = ''; Attempts = 1 }
            if (-not $WhatIf) { Add-Row $Step $operation 'unanswered' 1 'the run that wrote it was cut off' '' '' }
        }
    }
    if ($WhatIf) { return }
    Save-Rows
    # The step is looked at again in this run, which counts it then.
    $script:Counts.Clear()
    $script:Held.Clear()
    $script:FailuresInARow = 0
    $script:Marked = $true
    Clear-Pending
}

# -------------------------------------------------------------------------------------------------------- judging

function Get-Outcome($Operation) {
    $known = $script:Known[[int]$Operation.number]
    if ($known) { return $known.Outcome }
    return ''
}

function Test-Final([string]$Outcome) {
    return ($Outcome -eq 'done' -or $Outcome -eq 'already' -or $Outcome -eq 'moved')
}

# Says whether somebody else was faster, or undid what the plan found.
function Test-Changed([string]$Outcome) {
    return ($Outcome -eq 'already' -or $Outcome -eq 'moved')
}

# Holds a default back where a value that is to outlive it does not surely stand. Who has opted out, or has changed this
# very value, has one of their own, which no default moves.
function Set-Held($Operation, [string]$Outcome, [string]$Before) {
    if (-not $Operation.pins -or $Outcome -eq 'done' -or $Outcome -eq 'would-write') { return }
    $asPlanned = " $Before ".Contains(" $($Operation.setting)=$($Operation.from) ")
    if ($Outcome -eq 'moved' -and (-not $asPlanned -or " $Before ".Contains(' mode=opt-out '))) { return }
    $script:Held[$Operation.pins] = "the pin of operation $($Operation.number) is $Outcome"
}

# Says whether an earlier run has sent something for an operation; even where it was refused, an earlier call of the same
# step may have left something.
function Test-Begun($Operation) {
    $known = $script:Known[[int]$Operation.number]
    if (-not $known) { return $false }
    if (@('done', 'settling', 'unanswered') -contains $known.Outcome) { return $true }
    return ($known.Outcome -eq 'failed' -and $known.Attempts -gt 0)
}

# Says how what is there fits an operation: 'write', 'ours', 'wait', 'already' or 'moved'.
function Get-Fit($Operation, [string]$Have, [bool]$Begun) {
    $earlier = Get-Outcome $Operation
    $flip = $script:Flipped[$Operation.setting]
    $followed = $flip -and $Operation.from -eq $flip.From -and $Have -eq $flip.To
    if ($Have -eq $Operation.to -and $Operation.from -ne $Operation.to) {
        if ($earlier -eq 'settling' -or ($earlier -eq 'unanswered' -and -not $followed)) { return 'ours' }
        # What only follows the default is not theirs yet, and would go with the next change of the default.
        if ($followed) { return 'write' }
        return 'already'
    }
    if ($earlier -eq 'settling') {
        if ($Have -eq $Operation.to) { return 'ours' }
        if ($Have -eq $Operation.from) { return 'wait' }
    }
    if ($Have -eq $Operation.from -or $followed) { return 'write' }
    if ($Begun -and @($Operation.leaves) -contains $Have) { return 'write' }
    return 'moved'
}

# ------------------------------------------------------------------------------------------------------- the steps

function Complete-Person($Step, $Open) {
    $begun = $false
    $unanswered = $false
    foreach ($operation in @($Step.operations)) {
        if (Test-Begun $operation) { $begun = $true }
        if ((Get-Outcome $operation) -eq 'unanswered') { $unanswered = $true }
    }
    $have = Read-Person $Step
    if (-not $have.State) {
        foreach ($operation in $Open) { Add-Row $Step $operation 'failed' 0 "not written, since it could not be read: $($have.Message)" '' '' }
        return
    }
    $before = Format-State $have.State
    $fits = @{}
    foreach ($operation in $Open) {
        $fits["$($operation.number)"] = Get-Fit $operation ($have.State[$operation.setting]) $begun
    }
    $changed = ($fits.Values -contains 'moved') -or ($fits.Values -contains 'already')
    $optedOut = $Step.notOptedOut -and $have.State['mode'] -eq 'opt-out'
    # All calls of a step are sent together. Whoever has changed since what was done already does not get it again.
    foreach ($operation in @($Step.operations)) {
        $value = $have.State[$operation.setting]
        if ((Get-Outcome $operation) -ne 'done' -or $value -eq $operation.to) { continue }
        # A repetition that nobody heard of may have left what its first calls leave.
        if ($unanswered -and $operation.setting -ne 'mode' -and @($operation.leaves) -contains $value) { continue }
        foreach ($one in $Open) { Add-Row $Step $one 'moved' 0 "$($operation.setting) was done, and is $value by now" $before '' }
        return
    }
    $waits = -not $changed -and -not $optedOut -and $fits.Values -contains 'wait'
    if ($waits -or $changed -or $optedOut -or -not ($fits.Values -contains 'write')) {
        foreach ($operation in $Open) {
            switch ($fits["$($operation.number)"]) {
                'ours' { Add-Row $Step $operation 'done' 0 'as written before' $before $before }
                'already' { Add-Row $Step $operation 'already' 0 'somebody else has brought this about' $before '' }
                'wait' { Set-Held $operation 'settling' $before }
                { $_ -eq 'write' -and $waits } { Set-Held $operation 'waiting' $before; break }
                default { Add-Row $Step $operation 'moved' 0 "found $before" $before '' }
            }
        }
        return
    }
    if ($WhatIf) {
        foreach ($operation in $Open) { Add-Row $Step $operation 'would-write' 0 '' $before '' }
        return
    }

    Set-Pending
    $calls = @($Step.calls)
    $taken = 0
    $attempts = @()
    $failure = $null
    foreach ($call in $calls) {
        $with = @{ Identity = $Step.identity }
        foreach ($parameter in $call.PSObject.Properties) { $with[$parameter.Name] = $parameter.Value }
        $sent = Invoke-Patiently 'Set-MyAnalyticsFeatureConfig' $with
        $attempts += $sent.Attempts
        if (-not $sent.Ok) {
            $failure = $sent
            break
        }
        $taken++
    }
    $now = Read-Person $Step
    $after = Format-State $now.State
    foreach ($operation in $Open) {
        $last = (@($operation.calls) | Measure-Object -Maximum).Maximum
        $first = (@($operation.calls) | Measure-Object -Minimum).Minimum
        $tries = if ($first -lt $attempts.Count) { $attempts[[Math]::Min($last, $attempts.Count - 1)] } else { 0 }
        $shows = $now.State -and $now.State[$operation.setting] -eq $operation.to
        if ($taken -gt $last) {
            if ($shows) { Add-Row $Step $operation 'done' $tries '' $before $after }
            else { Add-Row $Step $operation 'settling' $tries $now.Message $before $after }
        }
        elseif ($failure.Open -and $first -le $taken) {
            if ($shows -and $operation.from -ne $operation.to) { Add-Row $Step $operation 'done' $tries $failure.Message $before $after }
            else { Add-Row $Step $operation 'unanswered' $tries $failure.Message $before $after }
        }
        else { Add-Row $Step $operation 'failed' $tries $failure.Message $before $after }
    }
}

function Complete-Default($Step, $Operation) {
    if ($Step.held) {
        Add-Row $Step $Operation 'waiting' 0 'somebody who was to keep this value is left out of the plan' '' ''
        return
    }
    if ($script:Held[$Operation.setting]) {
        Add-Row $Step $Operation 'waiting' 0 ($script:Held[$Operation.setting]) '' ''
        return
    }
    $have = Read-Defaults
    $readable = $null -ne $Operation.from
    if (-not $have.State -or ($readable -and -not $have.State[$Operation.setting])) {
        Add-Row $Step $Operation 'failed' 0 "not written, since it could not be read: $($have.Message)" '' ''
        return
    }
    $before = Format-State $have.State
    if ($readable) {
        $fit = Get-Fit $Operation ($have.State[$Operation.setting]) (Test-Begun $Operation)
        switch ($fit) {
            'ours' { Add-Row $Step $Operation 'done' 0 'as written before' $before $before }
            'already' { Add-Row $Step $Operation 'already' 0 'somebody else has brought this about' $before '' }
            'moved' { Add-Row $Step $Operation 'moved' 0 "found $($have.State[$Operation.setting])" $before '' }
        }
        if ($fit -ne 'write') { return }
    }
    if ($WhatIf) {
        Add-Row $Step $Operation 'would-write' 0 '' $before ''
        return
    }
    Set-Pending
    $with = @{}
    foreach ($parameter in @($Step.calls)[0].PSObject.Properties) { $with[$parameter.Name] = $parameter.Value }
    $sent = Invoke-Patiently 'Set-DefaultTenantMyAnalyticsFeatureConfig' $with
    $now = Read-Defaults
    $after = Format-State $now.State
    $shows = $readable -and $now.State -and $now.State[$Operation.setting] -eq $Operation.to
    if ($shows -and ($sent.Ok -or $sent.Open)) { Add-Row $Step $Operation 'done' $sent.Attempts $sent.Message $before $after }
    elseif ($sent.Ok -and -not $readable) {
        Add-Row $Step $Operation 'done' $sent.Attempts 'the service has no field to read it back from' $before $after
    }
    elseif ($sent.Ok) { Add-Row $Step $Operation 'settling' $sent.Attempts '' $before $after }
    elseif ($sent.Open) { Add-Row $Step $Operation 'unanswered' $sent.Attempts $sent.Message $before $after }
    else { Add-Row $Step $Operation 'failed' $sent.Attempts $sent.Message $before $after }
}

function Complete-Licences($Step, $Operation) {
    if ($Step.optedOutFirst) {
        $have = Read-Person $Step
        if (-not $have.State -or $have.State['mode'] -ne 'opt-out') {
            Add-Row $Step $Operation 'waiting' 0 "the opt-out that has to come first does not show: $($have.Message)" '' ''
            return
        }
    }
    $from = "$($Operation.setting)=$($Operation.from)"
    $to = "$($Operation.setting)=$($Operation.to)"
    $earlier = Get-Outcome $Operation
    $have = Read-Licences $Step
    if (-not $have.Shows) {
        Add-Row $Step $Operation 'failed' 0 "not written, since it could not be read: $($have.Message)" '' ''
        return
    }
    if ($have.Shows -eq 'after') {
        if ($earlier -eq 'settling' -or $earlier -eq 'unanswered') {
            Add-Row $Step $Operation 'done' 0 'as written before' $to $to
        }
        else { Add-Row $Step $Operation 'already' 0 'somebody else has brought this about' $to '' }
        return
    }
    if ($have.Shows -eq 'neither') {
        Add-Row $Step $Operation 'moved' 0 'somebody else has changed the licences' '' ''
        return
    }
    if ($earlier -eq 'settling') { return }
    if ($WhatIf) {
        Add-Row $Step $Operation 'would-write' 0 '' $from ''
        return
    }
    Set-Pending
    $licences = @()
    foreach ($change in @($Step.licences)) {
        $licences += @{ skuId = $change.sku; disabledPlans = [string[]]@($change.after) }
    }
    $with = @{
        Method = 'POST'
        Uri = "/v1.0/users/$($Step.id)/assignLicense"
        ContentType = 'application/json'
        Body = ConvertTo-Json -Depth 5 -Compress -InputObject @{ addLicenses = $licences; removeLicenses = @() }
    }
    $sent = Invoke-Patiently 'Invoke-MgGraphRequest' $with
    $now = Read-Licences $Step
    $after = if ($now.Shows -eq 'after') { $to } elseif ($now.Shows -eq 'before') { $from } else { '' }
    if ($now.Shows -eq 'after' -and ($sent.Ok -or $sent.Open)) { Add-Row $Step $Operation 'done' $sent.Attempts $sent.Message $from $after }
    elseif ($sent.Ok) { Add-Row $Step $Operation 'settling' $sent.Attempts $now.Message $from $after }
    elseif ($sent.Open) { Add-Row $Step $Operation 'unanswered' $sent.Attempts $sent.Message $from $after }
    else { Add-Row $Step $Operation 'failed' $sent.Attempts $sent.Message $from $after }
}

# Remembers that a default was changed by us: whoever followed it has not moved.
function Add-Flip($Step, [string]$Outcome) {
    if ($Step.kind -ne 'default' -or -not (@('done', 'settling', 'unanswered') -contains $Outcome)) { return }
    $operation = @($Step.operations)[0]
    if ($operation.from) { $script:Flipped[$operation.setting] = @{ From = $operation.from; To = $operation.to } }
}

function Complete-Step($Step) {
    $open = @()
    foreach ($operation in @($Step.operations)) {
        $outcome = Get-Outcome $operation
        Add-Flip $Step $outcome
        if (Test-Final $outcome) { Set-Held $operation $outcome ($script:Known[[int]$operation.number].Before) }
        else { $open += $operation }
    }
    if ($open.Count -eq 0) { return }
    switch ($Step.kind) {
        'person' { Complete-Person $Step $open }
        'default' { Complete-Default $Step $open[0] }
        'licences' {
            if ($WithoutLicences) { return }
            Complete-Licences $Step $open[0]
        }
        default { throw "step $($Step.step) is of a kind that this script does not know" }
    }
    foreach ($row in $script:Rows) { Add-Flip $Step $row.Outcome }
    Save-Rows
    Clear-Pending
}

# ------------------------------------------------------------------------------------------------------- beginning

$StepsFile = [System.IO.Path]::ChangeExtension($PSCommandPath, 'jsonl')
if (-not $Results) { $Results = [System.IO.Path]::ChangeExtension($PSCommandPath, 'results.csv') }
if (-not [System.IO.Path]::IsPathRooted($Results)) {
    $Results = Join-Path -Path (Get-Location -PSProvider FileSystem).ProviderPath -ChildPath $Results
}
$Pending = "$Results.pending"

if (-not (Test-Path -LiteralPath $StepsFile)) { throw "$StepsFile is missing; it belongs beside this script" }
if ((Get-FileHash -LiteralPath $StepsFile -Algorithm SHA256).Hash -ne $StepsHash) {
    throw "$StepsFile is not the file that was written with this script; nothing was written"
}

$until = [DateTimeOffset]::Parse($NotAfter, [System.Globalization.CultureInfo]::InvariantCulture)
if ([DateTimeOffset]::UtcNow -gt $until) {
    throw "the plan, or the consent to it, held until $NotAfter; nothing was written: plan again, and hand the new plan over"
}

$Known = @{}
$Changed = @{}
$Held = @{}
$Flipped = @{}
$Counts = @{}
$Rows = New-Object 'System.Collections.Generic.List[object]'
$FailuresInARow = 0
$Line = ''
$Marked = $false
$Stream = $null
$Writer = $null
$Stopped = $false
$Stale = $false

# Carries the plan out. Errors are to stop this script, and not Microsoft's modules where they go on by themselves: those
# inherit of the global scope, in which a script runs that was started with -File, and not of a function's.
function Invoke-Plan {
    $ErrorActionPreference = 'Stop'

    $UsesGraph = $LicenceSteps -gt 0 -and -not $WithoutLicences
    # Microsoft Graph comes first: its module is the pickier one about what else is loaded.
    if ($UsesGraph) {
        Confirm-Module 'Microsoft.Graph.Authentication' '2.0.0'
        Connect-Licences
    }
    Confirm-Module 'ExchangeOnlineManagement' '3.2.0'
    Connect-Settings

    try {
        Open-Results
        Resolve-Pending
        $number = 0
        foreach ($text in [System.IO.File]::ReadLines($StepsFile)) {
            if ($Changed.Count -gt $MayMove) {
                $script:Stale = $true
                if (-not $WhatIf) { break }
            }
            $number++
            $script:Line = $text
            $percent = [Math]::Min(100, [int](100 * $number / $StepCount))
            Write-Progress -Activity 'Carrying out the plan' -Status "step $number of $StepCount" -PercentComplete $percent
            Complete-Step (ConvertFrom-Json -InputObject $text)
            if ($FailuresInARow -ge $StopAfter) {
                $script:Stopped = $true
                break
            }
        }
        Write-Progress -Activity 'Carrying out the plan' -Completed
    }
    finally {
        if ($Writer) { $Writer.Dispose() }
        elseif ($Stream) { $Stream.Dispose() }
    }
}

# Whatever it ends with ends this script, also where the global scope would go on.
try { Invoke-Plan } catch { throw }

# ---------------------------------------------------------------------------------------------------------- the end

foreach ($outcome in @($Counts.Keys | Sort-Object)) { Write-Output "$($Counts[$outcome]) $outcome" }
if ($Counts.Count -eq 0) { Write-Output 'Nothing was left to do.' }
if ($WithoutLicences -and $LicenceSteps -gt 0) { Write-Warning "$LicenceSteps operations on service plans were left alone (-WithoutLicences)" }
if ($Stale) { Write-Warning "more than $MayMove people are no longer as planned: the plan is stale; plan again, and hand the new plan over" }
if ($Stopped) { Write-Warning "stopped after $StopAfter failures in a row; run the script again once the cause is found, and it goes on" }
if ($WhatIf) {
    Write-Output 'Nothing was written (-WhatIf).'
}
else {
    Write-Output "Results: $Results"
    Write-Output 'Hand that file back: insightctl record RESULTS.csv --plan PLAN.json'
    Write-Output 'Until then insightctl takes what this script wrote for changes that somebody else made.'
}
